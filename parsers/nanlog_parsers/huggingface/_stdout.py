"""Reads what a script with a Trainer prints: dicts between progress bars, messages, exceptions."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from nanlog.model import Block, BlockBuilder, Mark, MarkKind, SeriesInfo
from nanlog_parsers._line_logs import constant
from nanlog_parsers._names import Names
from nanlog_parsers._overflows import AT_MINIMUM, may_tell_of_overflow
from nanlog_parsers._ranks import Ranks
from nanlog_parsers._tracebacks import Tracebacks, marks_of

from ._dicts import Printed, printed_dicts
from ._series import info_of
from ._steps import Clues
from ._training import Training

__all__ = ["StdoutLog", "is_of_trainer"]

#: A text longer than this is no line of the Trainer's.
_LONGEST = 200_000

_BAR = re.compile(
    r"(?P<before>(?:^|.)\s{0,4})\d{1,3}%\|[^|]{0,1000}\| {1,8}(?P<step>[0-9]{1,15})/(?P<total>[0-9]{1,15}) \["
)
_COUNTED = "nothing tells logging_steps: the steps are those of the shortest training with these epochs"
_STARTING = "***** Running training *****"
_MESSAGES = {
    "Num examples": "num_examples",
    "Num Epochs": "num_train_epochs",
    "Num update steps per epoch": "steps_per_epoch",
    "Instantaneous batch size per device": "per_device_train_batch_size",
    "Total train batch size (w. parallel, distributed & accumulation)": "total_train_batch_size",
    "Gradient Accumulation steps": "gradient_accumulation_steps",
    "Total optimization steps": "max_steps",
    "Number of trainable parameters": "num_trainable_parameters",
}
_MESSAGE = re.compile(r"(?:^|[\s\]|:-]) {1,4}(?P<key>[A-Z][A-Za-z &.,()]{5,80}) = (?P<value>[0-9][0-9,]{0,24})$")
_SAVING = re.compile(r"Saving (?:model )?checkpoint to (?P<file>\S{1,1000})")
_LOADING = re.compile(
    r"(?:Loading model from|[Rr]esum(?:ing|ed)(?: training)? from(?: checkpoint)?:?) (?P<file>\S{1,1000})"
)
_CHECKPOINT_STEP = re.compile(r"checkpoint-(?P<step>[0-9]{1,15})(?![0-9])")
_ARGUMENTS = re.compile(r"TrainingArguments\($")
_MOST_ARGUMENTS = 400
_ARGUMENT = re.compile(r"(?P<key>\w{1,100})=(?P<value>.{0,500}),")
#: What ``from_pretrained`` logs: the ``config.json`` of the model; objects in it are indented further.
_MODEL = re.compile(r"Model config \w{1,100} \{$")
_OF_MODEL = re.compile(r' {2}"(?P<key>\w{1,100})": (?P<value>[^{\[].{0,300}?),?')


class _Bar(NamedTuple):
    start: int
    step: int
    total: int


def _bars(text: str) -> Iterator[_Bar]:
    for found in _BAR.finditer(text):
        if not found["before"].rstrip().endswith(":"):  # "Map:  30%|" is another bar
            yield _Bar(found.start(), int(found["step"]), int(found["total"]))


def is_of_trainer(printed: Printed) -> bool:
    """Whether a dict is one that the Trainer logs, and not some other that a script prints."""
    keys = printed.keys
    timed = any(key.endswith("_runtime") for key in keys)
    return timed or ("epoch" in printed.numbers and len(keys) > 1) or {"loss", "learning_rate"} <= keys


class StdoutLog:
    """One file."""

    def __init__(self, file: str, names: Names, ranks: Ranks) -> None:
        self._rows = BlockBuilder(file, ranks.stream(file))
        self._names = names
        self._ranks = ranks
        self._trainings: dict[int | None, Training] = {}
        self._blocks: list[Block] = []
        self._tracebacks = Tracebacks()
        self._clues = Clues()
        self._arguments_left = 0  #: so many lines may still belong to the settings
        self._in_model = False
        self._version = ""

    def read(self, line: int, rank: int | None, text: str) -> None:
        """Take what one state of a line says."""
        text = text[:_LONGEST]
        bars = deque(_bars(text) if "%|" in text else ())
        if "{'" in text:
            self._dicts(line, rank, text, bars)
        self._drawn(rank, bars, len(text))
        if may_tell_of_overflow(text) and self._training(rank).overflows.read(line, text, rank):
            return
        if (exception := self._tracebacks.read(text, rank)) is not None:
            self._failed(line, exception)
        elif "{'" not in text:
            self._message(line, text)

    def take(self) -> Iterator[Block]:
        """What is settled so far."""
        yield from self._blocks
        self._blocks = []
        yield self._rows.build()

    def finish(self) -> Iterator[Block]:
        """What was read since the last training ended."""
        for rank in list(self._trainings):
            self._end(rank)
        yield from self.take()

    def _training(self, rank: int | None) -> Training:
        if rank not in self._trainings:
            self._trainings[rank] = Training(rank)
        return self._trainings[rank]

    def _drawn(self, rank: int | None, bars: deque[_Bar], end: int) -> None:
        """Take the bars that begin before ``end``."""
        training = self._trainings.get(rank)
        while bars and bars[0].start < end:
            bar = bars.popleft()
            if training is not None:
                training.drawn(bar.step, bar.total)

    def _dicts(self, line: int, rank: int | None, text: str, bars: deque[_Bar]) -> None:
        """Read the dicts of a text, and the bars between them in their order."""
        for printed in printed_dicts(text):
            self._drawn(rank, bars, printed.start)
            self._dict(line, rank, printed)

    def _dict(self, line: int, rank: int | None, printed: Printed) -> None:
        if not is_of_trainer(printed) and not (printed.is_cut and "loss" in printed.numbers):
            return
        if printed.is_cut:
            self._rows.unread(line, printed.text, "the line ends inside the dict")
            return
        training = self._training(rank)
        if training.begins_anew(printed):
            self._end(rank)
            training = self._training(rank)
        if not self._version:
            self._version = "5" if printed.is_quoted else "4"
            self._rows.fact("framework", "transformers", line)
            self._rows.fact("framework_version", self._version, line)
        training.add(line, printed)

    def _message(self, line: int, text: str) -> None:
        if self._arguments_left:
            self._argument(line, text)
        elif self._in_model:
            self._of_model(line, text)
        elif _MODEL.search(text):
            self._in_model = True
        elif _STARTING in text:
            for rank in list(self._trainings):
                self._end(rank)
            self._clues = Clues()
            self._mark(MarkKind.START, line)
        elif "heckpoint" in text or "esum" in text:
            self._checkpoint(line, text)
        elif " = " in text and (found := _MESSAGE.search(text)) is not None and found["key"] in _MESSAGES:
            self._setting(line, _MESSAGES[found["key"]], found["value"].replace(",", ""))
        elif _ARGUMENTS.search(text):
            self._arguments_left = _MOST_ARGUMENTS

    def _argument(self, line: int, text: str) -> None:
        found = _ARGUMENT.fullmatch(text.strip())
        self._arguments_left = 0 if text.strip() in {")", ""} else self._arguments_left - 1
        if found is not None:
            self._setting(line, found["key"], found["value"].strip("'\""))

    def _of_model(self, line: int, text: str) -> None:
        self._in_model = text.startswith(" ")
        if (found := _OF_MODEL.fullmatch(text.rstrip())) is not None and found["value"] != "null":
            self._rows.fact(f"model.{found['key']}", constant(found["value"].strip('"')), line)

    def _setting(self, line: int, key: str, text: str) -> None:
        value = constant(text)
        if key in {"logging_steps", "max_steps", "steps_per_epoch"}:
            if isinstance(value, int | float) and value >= 1:
                setattr(self._clues, key, int(value))
                self._rows.fact(key if key != "max_steps" else "trainer.max_steps", value, line)
        else:
            self._rows.fact(f"hparams.{key}", value, line)
            if key in {"fp16", "bf16"} and value is True:
                self._rows.fact("precision", key, line)
            elif key == "optim":
                self._rows.fact("optimizer", value, line)

    def _checkpoint(self, line: int, text: str) -> None:
        for kind, pattern in ((MarkKind.CHECKPOINT, _SAVING), (MarkKind.RESUME, _LOADING)):
            if (found := pattern.search(text)) is not None:
                file = found["file"].rstrip(".")
                step = _CHECKPOINT_STEP.search(file)
                self._mark(kind, line, None if step is None else int(step["step"]), file)
                return

    def _failed(self, line: int, exception: str) -> None:
        if AT_MINIMUM in exception:
            self._mark(MarkKind.NONFINITE, line, None, exception)
        for mark in marks_of(exception, self._rows.file, line):
            self._rows.mark(mark)

    def _end(self, rank: int | None) -> None:
        """Date what a training printed."""
        training = self._trainings.pop(rank)
        if not training.line:
            return
        found = training.dated(self._clues)
        first = training.line[0]
        if found.logging_steps is None and any(training.kind):
            self._mark(MarkKind.NOTE, first, None, _COUNTED)
        if found.logging_steps is not None and self._clues.logging_steps is None:
            self._rows.fact("logging_steps", found.logging_steps, first)
        if found.steps_per_epoch is not None and self._clues.steps_per_epoch is None:
            self._rows.fact("steps_per_epoch", round(found.steps_per_epoch, 3), first)
        self._blocks.append(training.points(self._rows.file, self._rows.stream, partial(self._info, rank), found.step))
        for skipped, step in training.skips(found.step):
            self._rows.mark(skipped.mark(self._rows.file, step))
            if skipped.after is not None:
                self._rows.add(self._info(rank, "loss_scale"), step=step, value=skipped.after, line=skipped.line)

    def _info(self, rank: int | None, name: str) -> SeriesInfo:
        return self._ranks.info(info_of(self._names, name), rank)

    def _mark(self, kind: MarkKind, line: int, step: int | None = None, text: str = "") -> None:
        self._rows.mark(Mark(kind, self._rows.file, line, step, text))
