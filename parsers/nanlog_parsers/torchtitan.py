"""Reads what torchtitan logs, with its colours and without.

::

    [rank0]:[titan] 2025-06-01 12:00:00,123 - root - INFO - step: 10  loss:  7.0012  grad_norm:  1.7325  memory: ...
    [rank0]:[titan] 2025-06-01 12:00:09,456 - root - INFO - validate step: 10  loss:  6.9321  memory: ...

The loss is the mean over all ranks, of the step itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, BlockBuilder, MarkKind, Parser, Source
from nanlog_parsers._line_logs import VALUE, LineLog, blocks, word_with
from nanlog_parsers._names import Names
from nanlog_parsers._numbers import number
from nanlog_parsers._ranks import Ranks

__all__ = ["PARSER", "Torchtitan"]

_COLOUR = rb"(?:\x1b\[[0-9;]{0,16}m)?"
_SURE = re.compile(
    rb"(?:\[titan\][^\n]{0,60}|- root - INFO - )" + _COLOUR + rb"(?:validate )?step: {1,12}[0-9]{1,18}[^\n]{0,40}?  "
    + _COLOUR + rb"loss: "
)  # fmt: skip
_LINE = re.compile(
    r"(?P<validate>validate )?\bstep: {0,12}(?P<step>[0-9]{1,15})(?:/[0-9]{1,15})?\b"
    r"(?P<values>.{0,80}?\bloss:(?= |$).{0,2000})"
)
_VALUE = re.compile(rf"(?<![\w/])(?P<name>[A-Za-z][\w/]{{0,60}}): {{1,12}}(?P<value>{VALUE})(?=\s|$)")
_STARTING = re.compile(r"Starting job: (?P<what>.{0,500})")
_STARTS_AT = re.compile(r"Training starts at step (?P<step>[0-9]{1,15})")
_LOADING = re.compile(r"Loading the checkpoint (?:from|at) (?P<file>\S{1,1000}?)\.?(?= |$)")
_SAVED_STEP = re.compile(r"\bstep-(?P<step>[0-9]{1,15})$")
_SPEED = {"memory", "tps", "wps", "tflops", "mfu"}


class Torchtitan:
    """See the module."""

    name = "torchtitan"
    title = "torchtitan (step: 10  loss: ...  grad_norm: ...), on one rank or many"
    gives = ("loss per logged step", "gradient norm", "learning rate", "every rank on its own")

    def score(self, file: str, head: bytes) -> float:
        if _SURE.search(head):
            return 0.92
        return 0.85 if b"[titan]" in head and b" - INFO - " in head else 0.0

    def read(self, source: Source) -> Iterator[Block]:
        return blocks(source, Ranks(source, _LINE.search), _Log)


class _Log(LineLog):
    def __init__(self, rows: BlockBuilder, names: Names, ranks: Ranks) -> None:
        super().__init__(rows, names, ranks)
        rows.fact("framework", "torchtitan", 1)

    def line(self, line: int, rank: int | None, text: str) -> None:
        if (found := _LINE.search(text)) is not None:
            self._values(line, rank, found)
        elif (found := _STARTING.search(text)) is not None:
            self.mark(MarkKind.START, line, text=found["what"])
        elif (found := _LOADING.search(text)) is not None:
            self.mark(MarkKind.RESUME, line, text=found["file"])
        elif "aving" in text and (found := _SAVED_STEP.search(file := word_with("step-", text))) is not None:
            self.mark(MarkKind.CHECKPOINT, line, int(found["step"]), file)
        elif (found := _STARTS_AT.search(text)) is not None:
            self.step = int(found["step"]) - 1
        elif text.endswith("Training completed"):
            self.mark(MarkKind.END, line, self.step)

    def _values(self, line: int, rank: int | None, found: re.Match[str]) -> None:
        pairs = [(pair["name"], number(pair["value"])) for pair in _VALUE.finditer(found["values"])]
        values = [(name, value) for name, value in pairs if value is not None]
        if not any("loss" in name for name, _ in values):
            self.rows.unread(line, found[0], "no loss can be read where torchtitan prints one")
            return
        step = int(found["step"])
        self.reached(step)
        for name, value in values:
            if name not in _SPEED:
                self.add(name, rank, step, value, line, "val" if found["validate"] else "")


PARSER: Parser = Torchtitan()
