"""Values that are no longer logged although their rows are.

``null`` and an empty cell say that nothing was logged.  But strict JSON, and pandas, have no other way to write NaN: a
loss that stood in every row and from some row on is null in every row, in a file that holds no NaN otherwise, was NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nanlog.model import SeriesInfo

from ._chunk import Column

__all__ = ["Missing", "Nulls"]

IntArray = NDArray[np.int64]

#: So many rows must have had a value before it is missed.
_BEFORE = 3
_MISSED = ("loss", "val/loss", "val1/loss", "loss_smoothed", "grad_norm", "lr")


@dataclass(frozen=True, slots=True, eq=False)
class Missing:
    """The rows in which a series had no value until the end."""

    info: SeriesInfo
    line: IntArray
    step: IntArray


@dataclass(slots=True)
class _Tail:
    """A column of rows of one kind: how many had a value from the first on, then those that had none."""

    info: SeriesInfo
    before: int = 0
    line: list[IntArray] = field(default_factory=list)
    step: list[IntArray] = field(default_factory=list)
    is_over: bool = False

    def end(self) -> None:
        self.is_over = True
        self.line.clear()
        self.step.clear()


class Nulls:
    """Watches the rows of one file."""

    def __init__(self) -> None:
        self._tails: dict[tuple[tuple[str, ...], str, str], _Tail] = {}
        self._seen: dict[tuple[tuple[str, ...], str], set[str]] = {}
        self._last: dict[str, int] = {}
        self._has_nonfinite = False

    def watch(
        self,
        kind: tuple[tuple[str, ...], str],
        series: Sequence[tuple[str, SeriesInfo, Column | None]],
        line: IntArray,
        step: IntArray,
    ) -> None:
        """Look at rows of one kind: what their columns are called, mean and hold, and where they stand."""
        if self._has_nonfinite or not len(line):
            return
        seen = self._seen.setdefault(kind, set())
        first = {name: _first(column) for name, _, column in series if column is not None}
        for name, info, column in series:
            if column is not None:
                self._has_nonfinite |= info.name.startswith(_MISSED) and not np.isfinite(column.value).all()
                self._last[info.name] = max(self._last.get(info.name, 0), int(line[column.row][-1]))
            tail = self._tails.setdefault((*kind, name), _Tail(info))
            had = 0 if column is None else len(column)
            at = _gap(column, len(line))
            if tail.is_over or at is None or (had and tail.line):
                tail.end()
                continue
            tail.before += had
            if at == len(line):
                continue
            is_another_kind = any(row >= at and other not in seen for other, row in first.items())
            if is_another_kind or (tail.before == 0 and info.name != "loss"):
                tail.end()
                continue
            tail.line.append(line[at:])
            tail.step.append(step[at:])
        seen.update(first)

    def missing(self) -> list[Missing]:
        """The series that were missed until the end of the file."""
        if self._has_nonfinite:
            return []
        tails = [tail for tail in self._tails.values() if tail.line and self._is_last(tail)]
        starts = [int(tail.line[0][0]) for tail in tails if _is_missed(tail)]
        return [
            Missing(tail.info, np.concatenate(tail.line), np.concatenate(tail.step))
            for tail in tails
            if starts and int(tail.line[0][0]) >= min(starts) and (tail.before or _is_missed(tail))
        ]

    def _is_last(self, tail: _Tail) -> bool:
        return int(tail.line[0][0]) > self._last.get(tail.info.name, 0)


def _is_missed(tail: _Tail) -> bool:
    """Whether there were enough values, or enough rows without any, to miss them: only of what no log leaves out."""
    enough = tail.before >= _BEFORE or (tail.before == 0 and sum(map(len, tail.line)) >= _BEFORE)
    return enough and tail.info.name.startswith(_MISSED)


def _first(column: Column) -> int:
    return 0 if isinstance(column.row, slice) else int(column.row[0])


def _gap(column: Column | None, rows: int) -> int | None:
    """From which row on there is no value; None where values and gaps alternate."""
    if column is None:
        return 0
    if isinstance(column.row, slice) or len(column) == rows:
        return rows
    return len(column) if int(column.row[-1]) == len(column) - 1 else None
