"""One training while its printed rows are collected, until its steps can be told."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, Block, SeriesInfo
from nanlog_parsers._numbers import number
from nanlog_parsers._overflows import Overflows, SkippedUpdate
from nanlog_parsers._overflows import dated as dated_skips

from ._dicts import Printed
from ._series import is_logged
from ._steps import Clues, Dated, Rows, dated

__all__ = ["Training"]

IntArray = NDArray[np.int64]


#: Kinds of rows: an evaluation or totals, some other row, one with the loss.
_EVALUATION, _OTHER, _LOSS = 0, 1, 2
_MOST_EPOCHS = 1e9
_MOST_SECONDS = 1e12


@dataclass(slots=True)
class Training:
    """The rows of one training and its numbers, as columns, until all of it is known."""

    rank: int | None
    line: array[int] = field(default_factory=lambda: array("q"))
    epoch: array[float] = field(default_factory=lambda: array("d"))
    rounding: array[float] = field(default_factory=lambda: array("d"))
    kind: array[int] = field(default_factory=lambda: array("b"))
    #: counter and total of the first bar drawn after a row, then those of the first bar with another total
    bars: array[int] = field(default_factory=lambda: array("q"))
    names: dict[str, int] = field(default_factory=dict)
    name: array[int] = field(default_factory=lambda: array("q"))
    row: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))
    overflows: Overflows = field(default_factory=Overflows)
    skipped: list[tuple[int, list[SkippedUpdate]]] = field(default_factory=list)
    last_epoch: float = -1.0
    decimals: int = 0
    is_quoted: bool = False
    totals: Printed | None = None

    def begins_anew(self, printed: Printed) -> bool:
        """Whether a row belongs to another training: after the totals, or where the epochs fall back."""
        if "loss" not in printed.numbers:
            return False
        return self.totals is not None or printed.numbers.get("epoch", self.last_epoch) < self.last_epoch

    def drawn(self, step: int, total: int) -> None:
        """A progress bar was drawn."""
        bars = self.bars
        if not bars:
            return
        if bars[-3] < 0:
            bars[-4], bars[-3] = step, total
        elif bars[-3] != total and bars[-1] < 0:
            bars[-2], bars[-1] = step, total

    def add(self, line: int, printed: Printed) -> None:
        numbers = printed.numbers
        row = len(self.line)
        epoch = numbers.get("epoch", math.nan)
        if not 0 <= epoch < _MOST_EPOCHS:
            epoch = math.nan
        self.line.append(line)
        self.epoch.append(epoch)
        self.rounding.append(self._rounding(epoch, printed))
        self.kind.append(_kind(printed))
        self.bars.extend((-1, -1, -1, -1))
        if self.kind[-1] == _LOSS:
            self._skipped_before(row)
            self.last_epoch = max(self.last_epoch, numbers.get("epoch", self.last_epoch))
        elif "train_runtime" in numbers:
            self.totals = printed
        for name, value in numbers.items():
            code = self.names.get(name)
            if code is None:
                code = self.names[name] = len(self.names) if is_logged(name) else -1 - len(self.names)
            if code >= 0:
                self.name.append(code)
                self.row.append(row)
                self.value.append(value)

    def dated(self, said: Clues) -> Dated:
        """Find the steps of the rows, with what messages outside them said."""
        epoch, rounding = np.array(self.epoch), np.array(self.rounding)
        if not self.is_quoted:
            # transformers 4 rounds to two decimals or not at all; 0.5 may have been either
            rounding[:] = 0.5 * 10.0**-self.decimals if self.decimals <= 6 else 1e-9
        kind = np.array(self.kind, np.int64)
        is_training = kind == max((_OTHER, *self.kind))
        bars = np.array(self.bars, np.int64).reshape(-1, 2, 2)
        total = _total(bars[is_training, 0, 1])
        clues = replace(said, max_steps=said.max_steps or total)
        if self.totals is not None:
            clues.final_epoch = self.totals.numbers.get("epoch")
            clues.at_end = _last_step(self.totals)
        return dated(Rows(epoch, rounding, is_training, _counters(bars, total)), clues)

    def points(self, file: str, stream: str, info: Callable[[str], SeriesInfo], steps: IntArray) -> Block:
        """All numbers, each row at its step."""
        logged = [name for name, code in self.names.items() if code >= 0]
        codes = [self.names[name] for name in logged]
        place = np.zeros(len(self.names) or 1, np.int64)
        place[codes] = np.arange(len(codes))
        row = np.array(self.row, np.int64)
        return Block(
            file,
            tuple(map(info, logged)),
            place[np.array(self.name, np.int64)],
            np.maximum(steps, NO_STEP)[row],
            np.array(self.value),
            np.array(self.line, np.int64)[row],
            stream=stream,
        )

    def skips(self, steps: IntArray) -> Iterator[tuple[SkippedUpdate, int | None]]:
        """Skipped updates with the first step each can be."""
        self._skipped_before(len(self.line))
        training = np.flatnonzero(np.array(self.kind, np.int64) == _LOSS)
        for row, skipped in self.skipped:
            place = int(np.searchsorted(training, row))
            last = int(steps[training[place - 1]]) if place else None
            after = int(steps[training[place]]) if place < len(training) else None
            yield from zip(skipped, dated_skips(skipped, last, after), strict=True)

    def _skipped_before(self, row: int) -> None:
        if taken := self.overflows.take():
            self.skipped.append((row, taken))

    def _rounding(self, epoch: float, printed: Printed) -> float:
        """How far the printed epoch may lie from the true one."""
        text = printed.texts.get("epoch", "")
        self.is_quoted |= printed.is_quoted
        self.decimals = max(self.decimals, len(text.partition(".")[2]) if "e" not in text else 17)
        return 0.5 * 10.0 ** (math.floor(math.log10(epoch)) - 3) if epoch > 0 else 5e-4


def _kind(printed: Printed) -> int:
    if "loss" in printed.numbers:
        return _LOSS
    is_evaluation = any(key.startswith(("eval_", "test_")) or key.endswith("_runtime") for key in printed.keys)
    return _EVALUATION if is_evaluation else _OTHER


def _counters(bars: IntArray, total: int | None) -> IntArray:
    found = np.full(len(bars), -1, np.int64)
    for place in (1, 0) if total is not None else ():
        known = bars[:, place, 1] == total
        found[known] = bars[known, place, 0]
    return found


def _total(totals: IntArray) -> int | None:
    """The total of the training's bar: the one drawn most often right behind training rows."""
    totals = totals[totals > 0]
    if not len(totals):
        return None
    values, counts = np.unique(totals, return_counts=True)
    return int(values[int(np.argmax(counts))])


def _last_step(totals: Printed) -> tuple[float, float] | None:
    """Seconds times steps per second, both rounded."""
    seconds, speed = totals.texts.get("train_runtime"), totals.texts.get("train_steps_per_second")
    if seconds is None or speed is None:
        return None
    (low, high), (slow, fast) = _rounded(seconds, totals.is_quoted, 4), _rounded(speed, totals.is_quoted, 3)
    return (low * slow, high * fast) if low * slow > 0 and high * fast < 2**53 else None


def _rounded(text: str, is_quoted: bool, decimals: int) -> tuple[float, float]:
    """Between what a printed number lies: rounded to four digits where it is quoted, else to decimals."""
    value = number(text)
    if value is None or not 0 < value < _MOST_SECONDS:
        return 0.0, 0.0
    slack = 0.5 * 10.0 ** (math.floor(math.log10(value)) - 3) if is_quoted else 0.5 * 10.0**-decimals
    return max(0.0, value - slack), value + slack
