"""One training while its printed rows are collected, until its steps can be told."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nanlog_parsers._overflows import SkippedUpdate, dated

from ._dicts import Printed
from ._series import is_logged
from ._steps import Clues, Rows

__all__ = ["Training"]

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(slots=True)
class Training:
    """The rows of one training and its numbers, as columns, until all of it is known."""

    line: array[int] = field(default_factory=lambda: array("q"))
    epoch: array[float] = field(default_factory=lambda: array("d"))
    rounding: array[float] = field(default_factory=lambda: array("d"))
    is_training: array[int] = field(default_factory=lambda: array("b"))
    #: counter and total of the first bar drawn after a row, then those of the first bar with another total
    bars: array[int] = field(default_factory=lambda: array("q"))
    names: dict[str, int] = field(default_factory=dict)
    name: array[int] = field(default_factory=lambda: array("q"))
    row: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))
    skipped: list[tuple[int, SkippedUpdate]] = field(default_factory=list)
    last_epoch: float = -1.0
    decimals: int = 0
    is_quoted: bool = False
    totals: Printed | None = None

    @property
    def count(self) -> int:
        return len(self.line)

    def begins_anew(self, printed: Printed) -> bool:
        """Whether a row belongs to another training: after the totals, or where the epochs fall back."""
        if "loss" not in printed.numbers:
            return False
        return self.totals is not None or printed.numbers.get("epoch", self.last_epoch) < self.last_epoch

    def drawn(self, step: int, total: int) -> None:
        """A progress bar was drawn."""
        if not self.count:
            return
        last = self.bars[-4:]
        if last[1] < 0:
            self.bars[-4], self.bars[-3] = step, total
        elif last[1] != total and last[3] < 0:
            self.bars[-2], self.bars[-1] = step, total

    def add(self, line: int, printed: Printed) -> None:
        numbers = printed.numbers
        is_training = "loss" in numbers
        row = self.count
        self.line.append(line)
        self.epoch.append(numbers.get("epoch", float("nan")))
        self.rounding.append(self._rounding(printed))
        self.is_training.append(is_training)
        self.bars.extend((-1, -1, -1, -1))
        if is_training:
            self.last_epoch = max(self.last_epoch, numbers.get("epoch", self.last_epoch))
        if "train_runtime" in numbers and not is_training:
            self.totals = printed
        for name, value in numbers.items():
            if is_logged(name):
                self.name.append(self.names.setdefault(name, len(self.names)))
                self.row.append(row)
                self.value.append(value)

    def points(self) -> Iterator[tuple[str, int, float]]:
        names = list(self.names)
        return ((names[name], row, value) for name, row, value in zip(self.name, self.row, self.value, strict=True))

    def rows(self) -> Rows:
        bars = np.array(self.bars, np.int64).reshape(-1, 2, 2)
        is_training = np.array(self.is_training, np.bool_)
        rounding = np.array(self.rounding)
        if not self.is_quoted and self.count:
            # transformers 4 rounds to two decimals or not at all; 0.5 may have been either
            rounding[:] = 0.5 * 10.0**-self.decimals if self.decimals <= 6 else 1e-9
        return Rows(np.array(self.epoch), rounding, is_training, _counters(bars, is_training))

    def clues(self, said: Clues) -> Clues:
        """What this training's rows add to what its messages said."""
        found = Clues(said.logging_steps, said.steps_per_epoch, said.max_steps)
        bars = np.array(self.bars, np.int64).reshape(-1, 2, 2)
        total = _total(bars, np.array(self.is_training, np.bool_))
        if found.max_steps is None and total > 0:
            found.max_steps = total
        if self.totals is not None:
            found.final_epoch = self.totals.numbers.get("epoch")
            found.at_end = _last_step(self.totals)
        return found

    def dated_skips(self, steps: list[int]) -> Iterator[tuple[SkippedUpdate, int | None]]:
        """Skipped updates with the first step each can be."""
        training = [row for row in range(self.count) if self.is_training[row]]
        for place in sorted({place for place, _ in self.skipped}):
            these = [skipped for at, skipped in self.skipped if at == place]
            last = next((steps[row] for row in reversed(training) if row < place), None)
            after = next((steps[row] for row in training if row >= place), None)
            yield from zip(these, dated(these, last, after), strict=True)

    def _rounding(self, printed: Printed) -> float:
        """How far the printed epoch may lie from the true one."""
        text = printed.texts.get("epoch", "")
        self.is_quoted |= printed.is_quoted
        self.decimals = max(self.decimals, len(text.partition(".")[2]) if "e" not in text else 17)
        epoch = abs(printed.numbers.get("epoch", 0.0))
        digits = np.floor(np.log10(epoch)) if np.isfinite(epoch) and epoch > 0 else 0.0
        return float(0.5 * 10.0 ** (digits - 3))


def _counters(bars: IntArray, is_training: BoolArray) -> IntArray:
    total = _total(bars, is_training)
    found = np.full(len(bars), -1, np.int64)
    for place in (1, 0):
        known = (bars[:, place, 1] == total) & (total > 0)
        found[known] = bars[known, place, 0]
    return found


def _total(bars: IntArray, is_training: BoolArray) -> int:
    """The total of the training's bar: the one drawn most often right behind training rows; -1 without any."""
    totals = bars[is_training, 0, 1]
    totals = totals[totals > 0]
    if not len(totals):
        return -1
    values, counts = np.unique(totals, return_counts=True)
    return int(values[int(np.argmax(counts))])


def _last_step(totals: Printed) -> tuple[float, float] | None:
    """Seconds times steps per second, both rounded."""
    seconds, speed = totals.texts.get("train_runtime"), totals.texts.get("train_steps_per_second")
    if seconds is None or speed is None:
        return None
    (low, high), (slow, fast) = _rounded(seconds, totals.is_quoted, 4), _rounded(speed, totals.is_quoted, 3)
    return (low * slow, high * fast) if 0 < high * fast < 2**53 else None


def _rounded(text: str, is_quoted: bool, decimals: int) -> tuple[float, float]:
    """Between what a printed number lies: rounded to four digits where it is quoted, else to decimals."""
    value = float(text)
    if not np.isfinite(value) or value <= 0:
        return 0.0, 0.0
    slack = 0.5 * 10.0 ** (np.floor(np.log10(value)) - 3) if is_quoted else 0.5 * 10.0**-decimals
    return max(0.0, value - slack), value + slack
