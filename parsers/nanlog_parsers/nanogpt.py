"""Reads what nanoGPT's ``train.py`` prints, and its many descendants that kept its lines.

::

    step 100: train loss 3.2890, val loss 3.3012           mean over eval_iters batches, before the update of step 100
    iter 100: loss 3.3017, time 12.34ms, mfu 0.12%         one batch (of the first rank); mfu since March 2023
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from nanlog.model import Block, BlockBuilder, MarkKind, Parser, SeriesInfo, Source, Stage
from nanlog_parsers._line_logs import VALUE, LineLog, blocks
from nanlog_parsers._names import Names
from nanlog_parsers._numbers import number
from nanlog_parsers._ranks import Ranks

__all__ = ["PARSER", "NanoGPT"]

_SURE = re.compile(
    rb"^(?:[^\n]{0,60}[\]:] ?)?"
    rb"(?:iter [0-9]{1,18}: loss \S{1,40}, time [0-9.]{1,20}m?s|step [0-9]{1,18}: train loss \S{1,40}, val loss \S)",
    re.MULTILINE,
)
_LINE = re.compile(r"\b(?P<kind>iter|step) (?P<step>[0-9]{1,15}): (?P<values>[a-z].{0,2000})")
_VALUE = re.compile(rf"(?:^|, ?)(?P<name>[a-zA-Z][\w /]{{0,40}}?):? (?P<value>{VALUE})(?![\w%.])")
_OVERRIDING = re.compile(r"Overriding: (?P<key>\w{1,100}) = (?P<value>.{1,300})")
_PARAMETERS = re.compile(r"number of parameters: (?P<value>[0-9.]{1,20}M)")
_RESUMING = re.compile(r"Resuming training from (?P<file>.{1,1000})")
_SAVING = re.compile(r"saving checkpoint to (?P<file>.{1,1000})")
#: About the machine, not the training.
_SPEED = {"time", "mfu", "dt", "tok/sec"}


class NanoGPT:
    """See the module."""

    name = "nanogpt"
    title = "nanoGPT's train.py and what descends from it (iter 120: loss ..., time ...)"
    gives = ("loss per logged iteration", "training and validation loss of each evaluation", "settings of the script")

    def score(self, file: str, head: bytes) -> float:
        return 0.9 if _SURE.search(head) else 0.0

    def read(self, source: Source) -> Iterator[Block]:
        return blocks(source, Ranks(source, _LINE.search), _Log)


class _Log(LineLog):
    def __init__(self, rows: BlockBuilder, names: Names, ranks: Ranks) -> None:
        super().__init__(rows, names, ranks)
        self._evaluations: dict[str, SeriesInfo] = {}
        rows.fact("framework", "nanogpt", 1)

    def line(self, line: int, rank: int | None, text: str) -> None:
        if (found := _LINE.search(text)) is not None:
            self._values(line, rank, found)
        elif (found := _OVERRIDING.fullmatch(text)) is not None:
            self.fact(f"hparams.{found['key']}", found["value"], line)
        elif (found := _PARAMETERS.fullmatch(text)) is not None:
            self.mark(MarkKind.START, line)
            self.fact("parameters", found["value"], line)
        elif (found := _SAVING.fullmatch(text)) is not None:
            self.mark(MarkKind.CHECKPOINT, line, self.step, _checkpoint(found["file"]))
        elif (found := _RESUMING.fullmatch(text)) is not None:
            self.mark(MarkKind.RESUME, line, None, _checkpoint(found["file"]))

    def _values(self, line: int, rank: int | None, found: re.Match[str]) -> None:
        pairs = [(pair["name"], number(pair["value"])) for pair in _VALUE.finditer(found["values"])]
        values = [(name, value) for name, value in pairs if value is not None]
        if not any("loss" in name for name, _ in values):
            if "loss" in found["values"]:
                self.rows.unread(line, found[0], "no loss can be read where nanoGPT prints one")
            return
        step = int(found["step"])
        self.reached(step)
        for name, value in values:
            if found["kind"] == "step":
                info = self.ranks.info(self._evaluation(name), rank)
                self.rows.add(info, step=step, value=value, line=line)
            elif name not in _SPEED:
                self.add(name, rank, step, value, line)

    def _evaluation(self, name: str) -> SeriesInfo:
        """The estimate on a split, made before the update of the step; that on training data is an average."""
        if name not in self._evaluations:
            info = self.names.info(name, smoothed=name.startswith("train"))
            self._evaluations[name] = replace(info, stage=Stage.EVALUATION)
        return self._evaluations[name]


def _checkpoint(place: str) -> str:
    """The file: nanoGPT names the folder, in which it always writes (and reads) ``ckpt.pt``."""
    return place if place.endswith((".pt", ".pth", ".ckpt")) else f"{place.rstrip('/')}/ckpt.pt"


PARSER: Parser = NanoGPT()
