"""A stretch of rows of one table, a column at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, Block, Mark, SeriesInfo, Unread

from ._header import Header

__all__ = ["Chunk", "Column", "Words", "whole_numbers"]

IntArray = NDArray[np.int64]
_LARGEST_STEP = 2.0**53


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The cells of a column that hold a value: the rows they stand in (all of them: ``slice(None)``), the values.

    A cell that is empty, ``NA`` or ``null`` is not here; one that says nan is.
    """

    row: IntArray | slice
    value: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.value)

    def where(self, keep: NDArray[np.bool_]) -> Column:
        """The cells of some rows, which are counted anew; empty where none of them has one."""
        row = np.arange(len(keep))[self.row]
        kept = keep[row]
        return Column((np.cumsum(keep) - 1)[row[kept]], self.value[kept])


def whole_numbers(column: Column | None, rows: int) -> IntArray:
    """A column as whole numbers, rounded down, one for each row; ``NO_STEP`` where it has none."""
    if column is None:
        return np.full(rows, NO_STEP, np.int64)
    value = column.value
    if not (len(value) and value.min() >= 0 and value.max() < _LARGEST_STEP):  # so it is with NaN, too
        value = np.where((value >= 0) & (value < _LARGEST_STEP), value, NO_STEP)
    if isinstance(column.row, slice):
        return value.astype(np.int64)
    counted = np.full(rows, NO_STEP, np.int64)
    counted[column.row] = value
    return counted


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A column of words: ``distinct[code[row]]``; the code of a cell without anything is -1."""

    code: IntArray
    distinct: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Consecutive rows below one header.

    ``line`` is the 1-based line of each row.  ``columns`` holds by position those columns that have a value here;
    columns of words (``of_words``) are left out, but for those that were asked for (``words``).
    """

    file: str
    header: Header
    line: IntArray
    columns: Mapping[int, Column]
    words: Mapping[int, Words] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()
    of_words: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.line)

    def where(self, keep: NDArray[np.bool_]) -> Chunk:
        """Some of the rows, and all that is unread."""
        return Chunk(
            self.file,
            self.header,
            self.line[keep],
            {position: kept for position, column in self.columns.items() if len(kept := column.where(keep))},
            {position: Words(words.code[keep], words.distinct) for position, words in self.words.items()},
            self.unread,
            self.of_words,
        )

    def column(self, name: str) -> Column | None:
        """The values of the first column called ``name``; None where it has none here."""
        names = self.header.names
        return self.columns.get(names.index(name)) if name in names else None

    def steps(self, position: int) -> IntArray:
        """A column as whole numbers, rounded down, one for each row; ``NO_STEP`` where there is none."""
        return whole_numbers(self.columns.get(position), len(self))

    def block(
        self,
        series: Mapping[int, SeriesInfo],
        step: IntArray,
        *,
        time: NDArray[np.float64] | None = None,
        marks: tuple[Mark, ...] = (),
        stream: str = "",
    ) -> Block:
        """The columns named in ``series`` as points; ``step`` and ``time`` have an item for each row."""
        chosen = [(series[position], column) for position, column in self.columns.items() if position in series]
        if not chosen:
            return Block(self.file, marks=marks, unread=self.unread, stream=stream)
        rows = [column.row for _, column in chosen]
        return Block(
            file=self.file,
            series=tuple(info for info, _ in chosen),
            code=np.repeat(np.arange(len(chosen)), [len(column) for _, column in chosen]),
            step=np.concatenate([step[row] for row in rows]),
            value=np.concatenate([column.value for _, column in chosen]),
            line=np.concatenate([self.line[row] for row in rows]),
            time=None if time is None else np.concatenate([time[row] for row in rows]),
            marks=marks,
            unread=self.unread,
            stream=stream,
        )
