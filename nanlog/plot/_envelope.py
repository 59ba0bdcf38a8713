"""Curves of millions of points, reduced to what a picture can show without losing an extreme.

Each column of the picture keeps its first, lowest, highest and last point ("M4": Jugel et al., M4: a visualization-
oriented time series data aggregation, VLDB 2014), which draws the same pixels as all points would.  What is not finite
is kept apart, as spans.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanlog.model import FloatArray, IntArray
from nanlog.plot._style import Kind

__all__ = ["COLUMNS", "Envelope", "Stretch", "envelope", "stretches"]

#: More columns than a picture of 9 inches has pixels at 200 dpi.
COLUMNS = 2000


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring points of one kind that are not finite: the x of the first and of the last, and how many."""

    kind: Kind
    first: float
    last: float
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """A line: ``y`` is NaN where it is broken.  ``lonely`` are finite points without a finite neighbour."""

    x: FloatArray
    y: FloatArray
    lonely: IntArray
    stretches: tuple[Stretch, ...]


def envelope(x: FloatArray, y: FloatArray, columns: int = COLUMNS, *, log_x: bool = False) -> Envelope:
    """Reduce a curve to at most four finite points for each of ``columns``; a short curve stays as it is.

    ``x`` is finite and need not be sorted; with ``log_x`` columns are equally wide on a logarithmic axis, and points
    at 0 or below belong to the first.  The line is broken wherever a point between two columns is not finite.
    """
    order = np.argsort(x, kind="stable")
    x, y = np.asarray(x, np.float64)[order], np.asarray(y, np.float64)[order]
    spans = stretches(x, y, columns)
    finite = np.flatnonzero(np.isfinite(y))
    kept = finite if len(finite) <= 4 * columns else finite[_extremes(x[finite], y[finite], columns, log_x)]
    return _broken(x, y, kept, np.cumsum(~np.isfinite(y)), spans)


def stretches(x: FloatArray, y: FloatArray, columns: int = COLUMNS) -> tuple[Stretch, ...]:
    """All points of sorted ``x`` that are not finite, those of one kind that follow one another as one stretch.

    Where there are more stretches than ``columns``, those of a kind that lie within one column are told as one.
    """
    kind = np.select([np.isnan(y), y == np.inf, y == -np.inf], [1, 2, 3], 0)
    found: list[Stretch] = []
    for code, what in enumerate(Kind, start=1):
        at = np.flatnonzero(kind == code)
        if not len(at):
            continue
        ends = np.flatnonzero(np.diff(at) > 1)
        if len(ends) > columns:
            width = (x[-1] - x[0]) / columns
            ends = ends[x[at[ends + 1]] - x[at[ends]] > width]
        first, last = np.append(0, ends + 1), np.append(ends, len(at) - 1)
        found += [
            Stretch(what, float(x[at[a]]), float(x[at[b]]), int(b - a + 1)) for a, b in zip(first, last, strict=True)
        ]
    return tuple(sorted(found, key=lambda one: one.first))


def _extremes(x: FloatArray, y: FloatArray, columns: int, log_x: bool) -> IntArray:
    """Indices of the first, lowest, highest and last point of each column, in their order."""
    place = np.log(np.maximum(x, x[x > 0].min(initial=np.inf))) if log_x and (x > 0).any() else x
    width = place[-1] - place[0]
    share = (place - place[0]) / width if width > 0 else np.linspace(0, 1, len(x))
    column = np.minimum((share * columns).astype(np.int64), columns - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], len(x)) - 1
    by_value = np.lexsort((y, column))
    return np.unique(np.concatenate([starts, ends, by_value[starts], by_value[ends]]))


def _broken(x: FloatArray, y: FloatArray, kept: IntArray, bad: IntArray, spans: tuple[Stretch, ...]) -> Envelope:
    """The kept points with a gap where something between two of them is not finite."""
    gaps = np.flatnonzero(np.diff(bad[kept])) + 1 if len(kept) else np.empty(0, np.int64)
    edges = np.concatenate([[0], gaps, [len(kept)]])
    alone = edges[:-1][np.diff(edges) == 1] if len(kept) else np.empty(0, np.int64)
    lonely = alone + np.searchsorted(gaps, alone, side="right")
    return Envelope(np.insert(x[kept], gaps, x[kept[gaps]]), np.insert(y[kept], gaps, np.nan), lonely, spans)
