"""Histograms: whether all elements were finite, and tags that stop being written.

torch's ``add_histogram`` raises on data without a single finite element, so that a histogram that was written every so
many steps is simply missing from the step on in which its tensor became NaN.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from nanlog.model import Mark, MarkKind

from ._events import Histogram, Value

__all__ = ["HistogramTags", "share"]

#: So many names are given of histograms that stop together.
_NAMED = 5
#: More tags are not followed.
_MOST = 10_000


def share(value: Value) -> float | None:
    """The share of elements that are not finite; NaN where there are some but not how many, None for no histogram."""
    if value.histogram is not None:
        return _of_summary(value.histogram)
    if value.tensor is None:
        return None
    rows = value.tensor.array()  # left border, right border and count of each bucket
    if rows is None or rows.ndim != 2 or rows.shape[1] != 3:
        return None
    return 0.0 if np.isfinite(rows).all() else math.nan


def _of_summary(histogram: Histogram) -> float:
    """The buckets hold the finite elements, the least and the greatest are taken over all."""
    if math.isfinite(histogram.least) and math.isfinite(histogram.greatest):
        return 0.0
    if not 0 < histogram.count < math.inf or not 0 <= histogram.inside < histogram.count:
        return math.nan
    return 1.0 - histogram.inside / histogram.count


@dataclass(slots=True)
class _Last:
    """The last histogram of a tag, and how many steps lie between two of them."""

    step: int
    every: int
    file: str
    line: int


class HistogramTags:
    """Follows the histograms of one directory, beside its scalars."""

    def __init__(self) -> None:
        self._last: dict[str, _Last] = {}
        self._scalar_step: int | None = None

    def saw(self, tag: str, step: int, file: str, line: int) -> None:
        last = self._last.get(tag)
        if last is not None:
            if step > last.step:
                last.every = step - last.step
            last.step, last.file, last.line = step, file, line
        elif len(self._last) < _MOST:
            self._last[tag] = _Last(step, 0, file, line)

    def saw_scalars(self, last_step: int) -> None:
        self._scalar_step = last_step

    def stopped(self) -> dict[str, tuple[Mark, ...]]:
        """A note, by file, where histograms stop although scalars go on for two times their interval."""
        ended: dict[tuple[str, int], list[tuple[str, _Last]]] = defaultdict(list)
        for tag, last in self._last.items():
            if self._scalar_step is not None and last.every and self._scalar_step >= last.step + 2 * last.every:
                ended[last.file, last.step].append((tag, last))
        marks: dict[str, tuple[Mark, ...]] = {}
        for (file, step), tags in ended.items():
            named = ", ".join(tag for tag, _ in tags[:_NAMED]) + (", ..." if len(tags) > _NAMED else "")
            says = f"no histogram of {named} after step {step}, scalars go on to step {self._scalar_step}"
            line = max(last.line for _, last in tags)
            marks[file] = (*marks.get(file, ()), Mark(MarkKind.NOTE, file, line, step, says))
        return marks
