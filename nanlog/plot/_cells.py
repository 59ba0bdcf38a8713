"""Series of layers as a grid of layers and steps in which no extreme, and nothing that is not finite, is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nanlog.model import FloatArray, IntArray, Series
from nanlog.onset import base_name
from nanlog.plot._network_order import IN_TURN, Source, in_network_order

if TYPE_CHECKING:
    from nanlog.plot._subject import Subject

__all__ = ["COLUMNS", "ROWS", "BadFrom", "Cell", "Grid", "Row", "grid_of"]

COLUMNS = 300  #: at most; each is three pixels wide
ROWS = 400  #: at most; beyond, the parameters of a layer share a row, then neighbouring layers do
#: A step that is missing from a log of regular steps leaves a gap wider than this many of them.
_MISSING = 1.5

Codes: TypeAlias = NDArray[np.int8]


class Cell(IntEnum):
    """What a cell holds.  One point that is not finite makes it that; of several kinds it is the first in time."""

    NOT_LOGGED = 0
    FINITE = 1
    NAN = 2
    PLUS = 3
    MINUS = 4


@dataclass(frozen=True, slots=True, order=True)
class BadFrom:
    """Where a row first is not finite: at ``x`` on the axis of steps, and ``turn`` inside of that step.

    The turn is 0 where the log does not say which layer was computed first.
    """

    x: float
    turn: tuple[int, int]
    cell: Cell


@dataclass(frozen=True, slots=True)
class Row:
    """One layer or parameter: its name, the layer it is of, the series it is made of, and where it went bad."""

    name: str
    layer: str
    series: tuple[str, ...]
    bad_from: BadFrom | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Rows in network order, columns of steps.

    ``edges[k]`` and ``edges[k + 1]`` are the ends of column k; ``value`` holds the largest finite size of a cell, NaN
    where it has none; ``code`` one of :class:`Cell` for each.  ``order`` says where the order of the rows is from;
    ``onset`` is the series in which the run went bad first, in a row or elsewhere.
    """

    rows: tuple[Row, ...]
    edges: FloatArray
    value: FloatArray
    code: Codes
    order: Source
    onset: str | None = None

    def column(self, x: float) -> int:
        """The column that a place on the axis of steps lies in."""
        return int(np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.edges) - 2))


def grid_of(subject: Subject, series: Sequence[Series], columns: int = COLUMNS, rows: int = ROWS) -> Grid:
    """The sizes of ``series`` in the attempt that failed, within the steps that are to be seen.

    Ranks of a parallel training share the row of their layer; what was measured on an evaluation set is left out where
    there is the same of the training.
    """
    named = _named(series)
    infos = [members[0].info for members in named.values()]
    order = in_network_order(list(named), infos)
    ordered = [list(named.items())[k] for k in order.indices]
    points = [_Points.of(subject, name, members) for name, members in _folded(ordered, rows)]
    edges = _edges([row.x for row in points], columns)
    value = np.full((len(points), len(edges) - 1), np.nan)
    code = np.zeros(value.shape, np.int8)
    for k, row in enumerate(points):
        row.fill(edges, value[k], code[k])
    begin = subject.onset_at
    found = tuple(Row(row.name, row.layer, row.series, row.bad_from(begin)) for row in points)
    return Grid(found, edges, value, code, order.source, subject.onset.series)


def _named(series: Sequence[Series]) -> dict[str, list[Series]]:
    """The series of each row by its name, which is that of the series without the quantity, as first seen."""
    trained = [one for one in series if not (one.name.startswith("val") and base_name(one.name) != one.name)]
    named: dict[str, list[Series]] = {}
    for one in trained or series:
        named.setdefault(base_name(one.name).partition("/")[2] or one.name, []).append(one)
    return named


def _folded(ordered: list[tuple[str, list[Series]]], rows: int) -> list[tuple[str, list[Series]]]:
    """No more than ``rows``: of whole layers where these are few enough, else of neighbours."""
    if len(ordered) <= rows:
        return ordered
    layers: dict[str, list[Series]] = {}
    for name, members in ordered:
        layers.setdefault(members[0].info.layer or name, []).extend(members)
    found = list(layers.items())
    each = -(-len(found) // rows)
    parts = [found[k : k + each] for k in range(0, len(found), each)]
    return [
        (part[0][0] if len(part) == 1 else f"{part[0][0]} to {part[-1][0]}", [one for _, own in part for one in own])
        for part in parts
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """The points of one row, by their place on the axis of steps."""

    name: str
    layer: str
    series: tuple[str, ...]
    x: FloatArray
    y: FloatArray
    turn: IntArray  #: of each point an index into ``turns``
    turns: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, subject: Subject, name: str, members: Sequence[Series]) -> _Points:
        parts = [
            (part, _turn(one))
            for one in members
            for part in subject.points(one)
            if part.attempt == subject.onset.attempt
        ]
        who = (name, members[0].info.layer or name, tuple(one.name for one in members))
        if not parts:
            return cls(*who, np.empty(0), np.empty(0), np.empty(0, np.int64), ())
        x = np.concatenate([part.x for part, _ in parts])
        y = np.concatenate([part.y for part, _ in parts])
        turn = np.repeat(np.arange(len(parts)), [len(part.x) for part, _ in parts])
        if np.any(x[1:] < x[:-1]):
            order = np.argsort(x, kind="stable")
            x, y, turn = x[order], y[order], turn[order]
        return cls(*who, x, y, turn, tuple(turn for _, turn in parts))

    def fill(self, edges: FloatArray, value: FloatArray, code: Codes) -> None:
        """Write a row of the grid."""
        column = np.searchsorted(edges, self.x, side="right") - 1
        column = np.clip(column, 0, len(edges) - 2)
        code[column] = Cell.FINITE
        finite = np.isfinite(self.y)
        largest = np.full(len(value), -np.inf)
        np.maximum.at(largest, column[finite], np.abs(self.y[finite]))
        known = largest >= 0
        value[known] = largest[known]
        bad = np.flatnonzero(~finite)[::-1]  # backwards, so that the first of a cell is written last
        code[column[bad]] = _codes(self.y[bad])

    def bad_from(self, begin: float | None) -> BadFrom | None:
        """The first point that is not finite; from the onset on, where there is one: what was before it recovered."""
        bad = np.flatnonzero(~np.isfinite(self.y) & (self.x >= (-np.inf if begin is None else begin)))
        if not len(bad):
            return None
        together = bad[self.x[bad] == self.x[bad[0]]].tolist()
        turn, at = min((self.turns[int(self.turn[k])], k) for k in together)
        return BadFrom(float(self.x[at]), turn, Cell(int(_codes(self.y[[at]])[0])))


def _turn(series: Series) -> tuple[int, int]:
    """When a layer is computed inside a step.

    The parameters of all layers are updated together, whatever the order they are printed in.
    """
    info = series.info
    return (int(info.stage), info.rank) if info.stage in IN_TURN else (int(info.stage), 0)


def _codes(values: FloatArray) -> Codes:
    """The cells of values that are not finite."""
    return np.where(np.isnan(values), Cell.NAN, np.where(values > 0, Cell.PLUS, Cell.MINUS)).astype(np.int8)


def _edges(places: Sequence[FloatArray], columns: int) -> FloatArray:
    """Ends of columns of one width, each a whole number of usual distances between points.

    Where steps are missing there is a wider column that nothing lies in.
    """
    known = [np.unique(x) for x in places if len(x)]
    if not known:
        return np.array([0.0, 1.0])
    every = np.unique(np.concatenate(known))
    usual = sorted(known, key=len)[len(known) // 2]
    apart = float(np.median(np.diff(usual))) if len(usual) > 1 else 1.0
    apart = max(apart, float(every[-1] - every[0]) / 1e9)
    width = apart * max(int(np.ceil(((every[-1] - every[0]) / apart + 1) / columns)), 1)
    # columns begin between two points of the series that is logged most often, so that they hold as many of it each
    start = every[0] - min(apart, float(np.median(np.diff(every))) if len(every) > 1 else apart) / 2
    column = np.floor((every - start) / width).astype(np.int64)
    begins = np.flatnonzero(np.diff(column, prepend=-1))
    edges = [float(start + column[0] * width)]
    for k, after in pairwise([*begins.tolist(), len(every)]):
        end = float(start + (column[k] + 1) * width)
        if after == len(every) or column[after] == column[k] + 1:
            edges.append(end)
        elif every[after] - every[after - 1] <= _MISSING * apart:  # a step came late: no column for it was missed
            edges.append(float((every[after] + every[after - 1]) / 2))
        else:
            edges += [end, float(start + column[after] * width)]
    return np.array(edges)
