"""Where the curves of two runs part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, FloatArray, IntArray, Series

__all__ = ["Curve", "Point", "curve"]

#: The scatter of a curve is measured over so many points.
BLOCK = 20
#: A difference counts from so many times the scatter of both curves on.
FAR = 4.0
#: It must last for so many points that both have.
LASTING = 5
#: Less than this share is the rounding of a log that prints six digits.
_ROUNDED = 1e-5


@dataclass(frozen=True, slots=True)
class Point:
    """One step that both runs logged, and the value of each there; ``step`` counts points where nothing is dated."""

    step: int
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One series that both runs have.

    ``common`` counts the steps that both have.  ``differs`` is the first of them at which the values are not the same,
    exactly; NaN is the same as NaN.  ``parts`` is the first at which the curves part by more than noise (see
    :func:`curve`).  Both are None where that never happens.
    """

    name: str
    common: int
    differs: Point | None
    parts: Point | None


def curve(a: Series, b: Series) -> Curve:
    """Compare two series step by step; of a step that was logged more than once, the last value counts.

    The curves part where one of them is not finite and the other is, or not finite in another way; or else where they
    differ by more than :data:`FAR` times their scatter, and do so at :data:`LASTING` common points in a row (at all
    that are left, but at two at least).  The scatter of a curve is the median of how far it goes from one common point
    to the next, over the block of :data:`BLOCK` such distances before (at the beginning, over the first block); that
    of both is the root of the sum of squares.  So two trainings that differ by their seed alone do not part, nor does
    one that is a few points ahead.
    """
    step, one, two = _aligned(a, b)
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    differing = np.flatnonzero(~same)
    if not len(differing):
        return Curve(a.name, len(step), None, None)
    parting = _parting(one, two, same)
    first = int(differing[0])
    at = Point(int(step[first]), float(one[first]), float(two[first]))
    apart = None if parting is None else Point(int(step[parting]), float(one[parting]), float(two[parting]))
    return Curve(a.name, len(step), at, apart)


def _aligned(a: Series, b: Series) -> tuple[IntArray, FloatArray, FloatArray]:
    """The steps that both have, and the values there."""
    if (a.step == NO_STEP).all() and (b.step == NO_STEP).all():
        count = min(len(a), len(b))
        return np.arange(count, dtype=np.int64), a.value[:count], b.value[:count]
    steps_a, values_a = _last_of_each_step(a)
    steps_b, values_b = _last_of_each_step(b)
    step, in_a, in_b = np.intersect1d(steps_a, steps_b, assume_unique=True, return_indices=True)
    return step, values_a[in_a], values_b[in_b]


def _last_of_each_step(series: Series) -> tuple[IntArray, FloatArray]:
    dated = series.step != NO_STEP
    step, value = series.step[dated][::-1], series.value[dated][::-1]
    step, first = np.unique(step, return_index=True)
    return step, value[first]


@np.errstate(over="ignore", invalid="ignore")
def _parting(one: FloatArray, two: FloatArray, same: NDArray[np.bool_]) -> int | None:
    finite = np.isfinite(one) & np.isfinite(two)
    broken = np.flatnonzero(~finite & ~same)
    far = finite & (np.abs(one - two) > _noise(one, two))
    far[~finite] = ~same[~finite]  # one that broke is far from one that did not
    lasting = _rows_of_true(far)
    return min((int(places[0]) for places in (broken, lasting) if len(places)), default=None)


def _noise(one: FloatArray, two: FloatArray) -> FloatArray:
    """How far apart the curves may be at each point without parting."""
    scatter = np.hypot(_scatter(one), _scatter(two))
    rounded = _ROUNDED * np.maximum(np.abs(one), np.abs(two))
    return FAR * scatter + rounded


def _scatter(values: FloatArray) -> FloatArray:
    """The median distance of neighbours in the block before that of each point."""
    distance = np.abs(np.diff(values))
    blocks = -(-len(distance) // BLOCK)
    padded = np.full(max(blocks, 1) * BLOCK, np.nan)
    padded[: len(distance)] = np.where(np.isfinite(distance), distance, np.nan)
    medians = _medians(padded.reshape(-1, BLOCK))
    before = np.concatenate([medians[:1], medians])
    return before[np.arange(len(values)) // BLOCK]


def _medians(blocks: FloatArray) -> FloatArray:
    """The median of each row without its NaNs; 0 for a row of nothing else."""
    count = np.isfinite(blocks).sum(axis=1)
    ordered = np.sort(blocks, axis=1)  # NaN comes last
    middle = ordered[np.arange(len(blocks)), np.maximum(count - 1, 0) // 2]
    return np.where(count > 0, middle, 0.0)


def _rows_of_true(mask: NDArray[np.bool_]) -> IntArray:
    """Where rows of True begin that are long enough, or that reach the end and are two points long."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    begins, ends = edges[::2], edges[1::2]
    length = ends - begins
    enough: IntArray = begins[(length >= LASTING) | ((ends == len(mask)) & (length >= 2))]
    return enough
