"""Keras 1, 2 and 3, on its own and in TensorFlow: what ``fit`` and its callbacks print, and what ``CSVLogger`` writes.

How a log is cut into states of the screen is said in ``nanlog_parsers._states``, how bars are read in ``_columns`` (the
usual ones, fast) and ``_single`` (all), what their counts mean in ``_epochs``, how the averaging of the loss is undone
in ``_means``, what messages say in ``_messages``, files of ``CSVLogger`` in ``_history``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, Parser, Source
from nanlog_parsers._states import bulk, without_escapes

__all__ = ["PARSER", "Keras"]

_TIME = rb"(?:[0-9]{1,9}:){0,3}[0-9]{1,9}s?"
_PER_STEP = rb"[0-9.]{1,12}(?:us|ms|s)/(?:step|sample)"
#: Bars of Keras 1 and 2, and of Keras 3.
_BAR = re.compile(
    rb"[0-9]/(?:[0-9]{1,15}|Unknown) (?:\[[=>.]{10,300}\] - (?:ETA: )?" + _TIME
    + rb"|- " + _TIME + rb" " + _PER_STEP
    + rb"|(?:[^\x00-\x7f]{1,600} )?" + _TIME + rb" " + _PER_STEP + rb")"
)  # fmt: skip
#: Colours that lost their escape character, or got something to be seen for it.
_LOST_COLOURS = re.compile(rb"(?:\^\[|\xef\xbf\xbd|\xe2\x90\x9b|\xe2\x86\x90)?\[(?:0|1|3[0-7])m")
#: One line for an epoch: ``12/12 - 0s - 9ms/step - loss: 1.2`` (all since 2.2), `` - 5s - loss: 1.2`` (before).
_LINE = re.compile(
    rb"^(?:[0-9]{1,15}/[0-9]{1,15})? ?(?:- )?[0-9]{1,9}s (?:(?:- )?" + _PER_STEP + rb" )?- [^:\n]{1,100}: [-+0-9ni]",
    re.MULTILINE,
)
_HEADER = re.compile(rb"(?:^|[\r\x08])Epoch [0-9]{1,9}/[0-9]{1,9}[ \t]*\r?$", re.MULTILINE)
_MESSAGE = re.compile(
    rb"^Epoch [0-9]{1,9}: (?:LearningRateScheduler |ReduceLROnPlateau |[^\n]{1,100} improved from [^\n]{1,40} to "
    rb"|[^\n]{1,100} did not improve|(?:finished )?saving model to |early stopping)"
    rb"|: Invalid loss, terminating training",
    re.MULTILINE,
)


class Keras:
    """Reads what Keras prints; see the package."""

    name = "keras"
    title = "Keras 1, 2 and 3 (progress bars, one line an epoch, messages of callbacks, CSVLogger)"
    gives = (
        "loss per batch (bars) or epoch",
        "metrics and validation",
        "learning rate",
        "messages of callbacks",
        "checkpoints",
    )

    def score(self, file: str, head: bytes) -> float:
        head = _LOST_COLOURS.sub(b"", without_escapes(head))
        if _BAR.search(head):
            return 0.95
        if _LINE.search(head):
            return 0.95 if _HEADER.search(head) else 0.6
        if _MESSAGE.search(head):
            return 0.8
        return _table_score(head)

    def read(self, source: Source) -> Iterator[Block]:
        from ._history import read_history
        from ._log import TrainingLog
        from ._series import Meanings

        meanings = Meanings()
        tables = [file for file in source.files if _table_score(source.head(file))]
        steps_per_epoch = 0
        for file in source.files:
            if file in tables:
                continue
            log = TrainingLog(file, meanings)
            for states in bulk(source.pieces(file)):
                yield log.read(states)
            yield log.finish()
            steps_per_epoch = log.steps_per_epoch or steps_per_epoch
        for file in tables:
            yield from read_history(source, file, meanings, steps_per_epoch)


def _table_score(head: bytes) -> float:
    if not head.lstrip(b"\r\n").startswith(b"epoch"):
        return 0.0
    from ._history import history_score

    return history_score(head)


PARSER: Parser = Keras()
