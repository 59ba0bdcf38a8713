"""Which scale an axis of values gets, and how far it reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nanlog.model import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DECADES", "Reach", "set_scale"]

#: On a linear axis of 5 cm what is a thousandth of the largest value is as thin as the line that draws it.
DECADES = 3.0
_LARGEST, _SMALLEST = 1e308, 1e-308
_MARGIN = 0.06
#: The most decades of a symmetric axis on either side of 0; below them is 0.
_DEEPEST = 15.0


class Reach:
    """What there is of finite values in a panel: gathered curve by curve, before anything is drawn."""

    def __init__(self, curves: Sequence[FloatArray]) -> None:
        finite = [values[np.isfinite(values)] for values in curves]
        finite = [values for values in finite if len(values)]
        self.empty = not finite
        self.low = min((float(values.min()) for values in finite), default=0.0)
        self.high = max((float(values.max()) for values in finite), default=1.0)
        sizes = [np.abs(values[values != 0]) for values in finite]
        self._usual = [float(np.median(size)) for size in sizes if len(size)]
        self._least = min((float(size.min()) for size in sizes if len(size)), default=0.0)

    @property
    def scale(self) -> str:
        """``linear``; ``log`` or ``symlog`` where the values of a curve, or those of two curves, lie decades apart."""
        if self.empty or not self._usual:
            return "linear"
        largest = max(abs(self.low), abs(self.high))
        if largest < _LARGEST / 10 and math.log10(largest) - math.log10(min(self._usual)) < DECADES:
            return "linear"
        return "log" if self.low > 0 else "symlog"

    @property
    def linear_to(self) -> float:
        """Up to where a symmetric axis is linear: the usual size, or less where nothing is negative."""
        floor = max(abs(self.low), abs(self.high)) / 10**_DEEPEST
        usual = self._least if self.low >= 0 else min(self._usual)
        return float(10.0 ** math.floor(math.log10(min(max(usual, floor, _SMALLEST), _LARGEST))))


def set_scale(axes: Axes, reach: Reach, headroom: float = 0.0) -> None:
    """Set scale and limits of the y axis; ``headroom`` is the share above (and below) all values that stays free."""
    if reach.scale == "symlog":
        axes.set_yscale("symlog", linthresh=reach.linear_to, linscale=0.6)
    else:
        axes.set_yscale(reach.scale)
    _set_limits(axes, reach, headroom)
    _set_ticks(axes, reach)


def _set_limits(axes: Axes, reach: Reach, headroom: float) -> None:
    transform = axes.yaxis.get_transform()
    low, high = transform.transform(np.clip([reach.low, reach.high], -_LARGEST, _LARGEST))
    width = high - low
    if width <= 0 or not math.isfinite(width):
        width = 1.0 if reach.scale != "linear" else 0.5 * abs(low) or 1.0
        low, high = low - width / 2, high + width / 2
    edges = np.array([low - width * _MARGIN, high + width * (_MARGIN + headroom)])
    with np.errstate(over="ignore"):
        bottom, top = np.clip(transform.inverted().transform(edges), -_LARGEST, _LARGEST)
    if reach.scale == "log":
        bottom = max(bottom, _SMALLEST)
    axes.set_ylim(float(bottom), float(top))


def _set_ticks(axes: Axes, reach: Reach) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, SymmetricalLogLocator

    if reach.scale == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(5, min_n_ticks=2))
        return
    if reach.scale == "log":
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
    else:
        locator = SymmetricalLogLocator(base=10, linthresh=reach.linear_to)
        locator.set_params(numticks=6)
        axes.yaxis.set_major_locator(locator)
    axes.yaxis.set_minor_locator(NullLocator())
