"""Rows of named columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._chunk import Column, whole_numbers

__all__ = ["Rows", "merged"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows that have the same columns, measured on the same data.

    ``names`` are all columns, ``columns`` those with a value somewhere; ``split`` is what a column of words says about
    the data (``train``, ``val``; "" where none does).
    """

    line: IntArray
    names: tuple[str, ...]
    columns: Mapping[str, Column]
    split: str = ""

    def __len__(self) -> int:
        return len(self.line)

    def counter(self, name: str | None) -> IntArray:
        """A column as whole numbers, rounded down, one for each row; ``NO_STEP`` where it has none."""
        return whole_numbers(self.columns.get(name) if name is not None else None, len(self))

    def times(self, name: str | None) -> FloatArray:
        times = np.full(len(self), np.nan)
        column = self.columns.get(name) if name is not None else None
        if column is not None:
            times[column.row] = column.value
        return times


def merged(groups: Iterable[Rows], split: str = "") -> list[Rows]:
    """The same rows, those with the same columns and data together and in the order of their lines.

    No column is without a value.  ``split`` is the data of those rows that do not say theirs.
    """
    alike: dict[tuple[tuple[str, ...], str], list[Rows]] = {}
    for rows in groups:
        if len(rows):
            own = rows if rows.split or not split else replace(rows, split=split)
            alike.setdefault((own.names, own.split), []).append(own)
    together = [parts[0] if len(parts) == 1 else _in_order(parts) for parts in alike.values()]
    return [rows if all(map(len, rows.columns.values())) else _without_empty(rows) for rows in together]


def _without_empty(rows: Rows) -> Rows:
    columns = {name: column for name, column in rows.columns.items() if len(column)}
    return Rows(rows.line, rows.names, columns, rows.split)


def _in_order(parts: Sequence[Rows]) -> Rows:
    line = np.concatenate([rows.line for rows in parts])
    order = np.argsort(line, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    starts = np.cumsum([0, *(len(rows) for rows in parts)])
    columns: dict[str, Column] = {}
    for name in dict.fromkeys(name for rows in parts for name in rows.columns):
        having = [
            (start, rows, rows.columns[name])
            for start, rows in zip(starts, parts, strict=False)
            if name in rows.columns
        ]
        row = place[np.concatenate([start + np.arange(len(rows))[column.row] for start, rows, column in having])]
        by_row = np.argsort(row)
        columns[name] = Column(row[by_row], np.concatenate([column.value for *_, column in having])[by_row])
    return Rows(line[order], parts[0].names, columns, parts[0].split)
