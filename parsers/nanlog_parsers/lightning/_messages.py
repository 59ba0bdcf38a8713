"""What Trainer and its callbacks print beside the bars, often glued to one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nanlog_parsers._numbers import NUMBER

__all__ = ["HEADER", "Message", "checkpoint_place", "message", "split"]

#: Named groups are what each message tells.  Wordings of several versions, since 1.0.
_MESSAGES = {
    # EarlyStopping
    "not_finite": rf"Monitored metric (?P<name>.{{1,200}}?) = (?P<value>{NUMBER}) is not finite\..{{0,200}}",
    "patience": r"Monitored metric .{1,200}? did not improve in the last [0-9]+ records\..{0,200}",
    "threshold": r"Stopping threshold reached: .{0,300}",
    "diverged": r"Divergence threshold reached: .{0,300}",
    "improved": rf"Metric (?P<name>.{{1,200}}?) improved(?: by .{{1,100}}?)?\. New best score: (?P<value>{NUMBER})",
    # ModelCheckpoint(verbose=True)
    "reached": (
        rf"Epoch [0-9]{{1,9}}(?:, (?:global )?step (?P<step>[0-9]{{1,15}}))?: '?(?P<name>.{{1,200}}?)'? "
        rf"reached (?P<value>{NUMBER}) \(best {NUMBER}\), saving model to (?P<file>.{{1,1000}}) as top [0-9]+"
    ),
    "not_top": (r"Epoch [0-9]{1,9}(?:, (?:global )?step (?P<step>[0-9]{1,15}))?: .{1,200} was not in top [0-9]+"),
    # Trainer
    "stopped": (
        r"`Trainer\.fit` stopped: (?:`(?P<key>\w{1,40})=(?P<limit>-?[0-9]{1,18})` reached|No training batches)\.?"
    ),
    "time_limit": r"Time limit reached\..{0,200}",
    "interrupted": r"Detected KeyboardInterrupt, attempting graceful shutdown.{0,20}|Received SIGTERM: .{0,60}",
    "restoring": r"Restor(?:ing|ed all) states from the checkpoint (?:path |file )?at (?P<file>.{1,1000})",
    "seed": r"(?:Global seed|Seed) set to (?P<seed>[0-9]{1,18})",
    "precision": r"Using (?:(?:native |APEX )?(?P<bits>16) ?bit|(?P<brain>bfloat16)|half)\b.{0,60}",
    "gpu": r"GPU available: (?P<available>.{1,60}), used: (?P<used>.{1,20})",
    "devices": r"Initializing distributed: GLOBAL_RANK: [0-9]{1,6}, MEMBER: [0-9]{1,6}/(?P<devices>[0-9]{1,6})",
    # the summary of the model
    "parameters": (
        r"(?P<before>[0-9.]{1,20}(?: [KMBT])?) {1,20}Total params|Total params: (?P<behind>[0-9.]{1,20}(?: [KMBT])?)"
    ),
    "layer": r"(?:│ )?[0-9]{1,4} {1,20}[│|] (?P<name>\S{1,100}) {1,100}[│|] (?P<type>\w{1,100}) {1,100}[│|].{0,200}",
    # checks of 1.x (terminate_on_nan)
    "loss_not_finite": r".{0,40}The loss returned in `training_step` is (?P<value>nan|-?inf)\b.{0,40}",
    "parameter_not_finite": r".{0,40}Detected nan and/or inf values in `(?P<layer>[^`]{1,200})`.{0,200}",
    # what trainer.test and trainer.validate measured
    "results": r"[┃ ]{0,40}(?:Test|Validate) metric {1,40}┃? {0,40}DataLoader [0-9]+.{0,400}",
    "result": rf"(?:│ {{1,40}})?(?P<name>\S{{1,200}}) {{1,60}}(?:│ {{1,40}})?(?P<value>{NUMBER})(?: {{1,40}}│)?",
}
_GRAMMARS = {kind: re.compile(text, re.ASCII) for kind, text in _MESSAGES.items()}
#: Those that are printed before a training begins.
HEADER = frozenset(("seed", "precision", "gpu", "devices"))

_LONGEST = 1500
#: Where a message begins that is glued to something.
_GLUED = re.compile(
    r"Monitored metric \S|Metric \S{1,200} improved|`Trainer\.fit` stopped: "
    r"|(?:Stopping|Divergence) threshold reached: |Epoch [0-9]{1,9}, (?:global )?step [0-9]{1,15}: "
    r"|Detected KeyboardInterrupt|Time limit reached\.|GPU available: |Restor(?:ing|ed all) states from the checkpoint"
)
_PREFIX = re.compile(r"\[rank: [0-9]{1,6}\] |(?:INFO|WARNING):[\w.]{1,60}:|INFO: ", re.ASCII)
_CHECKPOINT = re.compile(r"epoch=(?P<epoch>[0-9]{1,9})-step=(?P<step>[0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Message:
    """What was said: ``kind`` is a key of the grammar above, ``says`` what it tells, by name."""

    kind: str
    text: str
    says: dict[str, str]


def split(text: str) -> Iterator[tuple[str, bool]]:
    """Cut what is glued together; True where a message begins."""
    if (found := _GLUED.search(text)) is None:
        yield text, False
        return
    if before := text[: found.start()]:
        yield before, False
    yield text[found.start() :], True


def message(text: str) -> Message | None:
    """Read one line; None if nobody of Lightning says so."""
    text = text[:_LONGEST].strip()
    if (prefix := _PREFIX.match(text)) is not None:
        text = text[prefix.end() :]
    for kind, grammar in _GRAMMARS.items():
        if (found := grammar.fullmatch(text)) is not None:
            return Message(kind, text, {key: value for key, value in found.groupdict().items() if value is not None})
    return None


def checkpoint_place(file: str) -> tuple[int, int] | None:
    """Epoch and optimizer steps of a checkpoint called as ModelCheckpoint calls it (``epoch=1-step=100.ckpt``)."""
    found = _CHECKPOINT.search(file)
    return None if found is None else (int(found["epoch"]), int(found["step"]))
