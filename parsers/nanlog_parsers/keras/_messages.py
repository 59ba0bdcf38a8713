"""What the callbacks, the backend and Python print between the bars.

Sources of the wordings: the callbacks of Keras 1.2, 2.0 to 2.15 and 3.15 (each changed a few words), ``training.py`` of
Keras 2.3 and TensorFlow 2.1 (``Train on N samples``), ``check_numerics`` and the mixed precision check of TensorFlow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nanlog.model import FactValue
from nanlog_parsers._numbers import NUMBER, value_of

__all__ = ["Checked", "Ended", "Failed", "Invalid", "Message", "Rate", "Remarks", "Restored", "Saved", "Stated"]

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Rate:
    """A callback sets the learning rate; ``epoch`` as printed.

    ``LearningRateScheduler`` speaks when an epoch begins, ``ReduceLROnPlateau`` when one ends.
    """

    epoch: int
    value: float
    at_begin: bool


@dataclass(frozen=True, slots=True)
class Invalid:
    """The loss after batch ``batch`` (counted from 0 in its epoch) is not finite."""

    batch: int
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A check of the backend found a value that is not finite."""

    text: str


@dataclass(frozen=True, slots=True)
class Saved:
    """The model was written to a file; ``epoch`` as printed."""

    epoch: int
    path: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The training ended by itself or was interrupted from outside."""

    text: str
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The last line of a Python traceback."""

    text: str


@dataclass(frozen=True, slots=True)
class Stated:
    """A fact."""

    key: str
    value: FactValue


@dataclass(frozen=True, slots=True)
class Restored:
    """Weights were read from a file."""

    path: str


Message = Rate | Invalid | Checked | Saved | Restored | Ended | Failed | Stated

_WORTH_READING = re.compile(
    r"Epoch +[0-9]|Batch +[0-9]|at batch|Traceback|Train |NaN or|NaN in|Tensor had|mixed_|[Kk]eras|backend"
    r"|(?i:restor|load|resum)"
)
_EPOCH = re.compile(r"Epoch +(?P<epoch>[0-9]{1,9}): *(?P<said>[^\n]{1,1000})")
_RATE = re.compile(
    rf"(?:LearningRateScheduler |ReduceLROnPlateau )?(?:setting|reducing)(?: \S{{1,80}})? learning rate to "
    rf"(?:tf\.Tensor\(|\[)?(?P<rate>{NUMBER})"
)
_SAVED = re.compile(r"(?:.{1,300}, )?(?P<done>finished )?saving model to (?P<path>.{1,600})")
_INVALID = re.compile(r"Batch +(?P<batch>[0-9]{1,12}): Invalid loss, terminating training")
_RAISED = re.compile(r"NaN or Inf loss encountered at batch (?P<batch>[0-9]{1,12})")
#: Not a message of Keras, but what people print when they go on from a file.
_RESTORED = re.compile(
    r"\b(?:restor|load|resum)(?:ed|ing|e)\b(?: [a-z]{1,15}){0,4} from:? *['\"]?"
    r"(?P<path>[^\s'\",;]{0,300}[^\s'\",;./][./][^\s'\",;]{0,300}[^\s'\",;.])",
    re.IGNORECASE | re.ASCII,
)
_CHECKED = re.compile(
    r"[^\n]{0,200}(?:Detected Infinity or NaN in output|Tensor had (?:NaN|Inf|-Inf)|contains? NaN or Inf)[^\n]{0,200}",
    re.IGNORECASE,
)
_ERROR = re.compile(r"(?P<name>[A-Za-z_][\w.]{0,200})(?::(?: |$)|$)[^\n]{0,1000}")
_NO_ERROR = re.compile(r"(?:During handling|The above exception)")
_STATED = (
    (re.compile(r"Train on (?P<value>[0-9]{1,12}) samples"), "samples_per_epoch", int),
    (re.compile(r"Train for (?P<value>[0-9]{1,12}) steps"), "steps_per_epoch", int),
    (re.compile(r"Using (?P<value>TensorFlow|Theano|CNTK|torch|jax|JAX) backend", re.ASCII), "backend", str),
    (
        re.compile(r"\bkeras(?: version)?(?:==|[:=]? +|: *v?)(?P<value>[0-9]\.[0-9]{1,3}\.[0-9]{1,3})", re.IGNORECASE),
        "",
        str,
    ),
    (re.compile(r"compatibility check \((?P<value>mixed_[a-z0-9]{1,12})\)"), "precision", str),
)


class Remarks:
    """Reads remarks in the order of the log: a traceback goes on over several of them."""

    def __init__(self) -> None:
        self._in_traceback = False

    def read(self, text: str) -> Iterator[Message]:
        text = text[:_LONGEST]
        if self._in_traceback:
            yield from self._traceback(text)
        if _WORTH_READING.search(text) is None:
            return
        yield from _of_callbacks(text)
        for pattern, key, kind in _STATED:
            if found := pattern.search(text):
                yield Stated(key or "framework_version", kind(found["value"]))
        if (found := _CHECKED.search(text)) and not self._in_traceback:
            yield Checked(found[0].strip())
        if found := _RESTORED.search(text):
            yield Restored(found["path"])
        if "Traceback (most recent call last)" in text:
            self._in_traceback = True

    def _traceback(self, text: str) -> Iterator[Message]:
        """Lines of a traceback are indented; the first that is not names the exception."""
        if text[0] in " \t" or _NO_ERROR.match(text):
            return
        self._in_traceback = False
        found = _ERROR.match(text)
        if found is None:
            return
        if found["name"].endswith("KeyboardInterrupt"):
            yield Ended(found[0], interrupted=True)
        else:
            yield Failed(found[0].strip())
        if raised := _RAISED.search(text):
            yield Invalid(int(raised["batch"]), found[0].strip())


def _of_callbacks(text: str) -> Iterator[Message]:
    if found := _INVALID.search(text):
        yield Invalid(int(found["batch"]), found[0])
    for found in _EPOCH.finditer(text):
        said, epoch = found["said"].strip(), int(found["epoch"])
        if rate := _RATE.match(said):
            yield Rate(epoch, value_of(rate["rate"]), said.startswith("LearningRateScheduler"))
        elif saved := _SAVED.match(said):
            if not saved["done"]:
                yield Saved(epoch, saved["path"].strip())
        elif said.startswith("early stopping"):
            yield Ended(found[0].strip())
