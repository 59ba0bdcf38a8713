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
_TICKS = 5


class Reach:
    """What there is of finite values in a panel: gathered curve by curve, before anything is drawn.

    With ``decades`` the scale is logarithmic in any case, as ratios are read.
    """

    def __init__(self, curves: Sequence[FloatArray], *, decades: bool = False) -> None:
        finite = [values[np.isfinite(values)] for values in curves]
        finite = [values for values in finite if len(values)]
        sizes = [size for values in finite if len(size := np.abs(values[values != 0]))]
        self.empty = not finite
        self.low = min((float(values.min()) for values in finite), default=0.0)
        self.high = max((float(values.max()) for values in finite), default=1.0)
        self.scale = self._scale([float(np.median(size)) for size in sizes], decades)
        self._sizes = np.concatenate(sizes) if sizes else np.ones(1)

    @property
    def largest(self) -> float:
        """The largest size of a value."""
        return min(max(abs(self.low), abs(self.high)), _LARGEST)

    def _scale(self, usual: Sequence[float], decades: bool) -> str:
        """``linear``; ``log`` or ``symlog`` where the values of a curve, or those of two curves, lie decades apart."""
        if not usual:
            return "linear"
        apart = math.log10(self.largest) - math.log10(max(min(usual), _SMALLEST))
        if not decades and apart < DECADES and self.largest < _LARGEST / 10:
            return "linear"
        return "log" if self.low > 0 else "symlog"

    @property
    def linear_to(self) -> float:
        """Up to where a symmetric axis is linear: the usual size of a value, and less where none is negative."""
        if self.low < 0:
            size = float(np.median(self._sizes))
        else:
            size = max(float(self._sizes.min()), float(np.quantile(self._sizes, 0.05)) / 10)
        return float(10.0 ** math.floor(math.log10(min(max(size, _SMALLEST), _LARGEST / 10))))


def set_scale(axes: Axes, reach: Reach, headroom: float = 0.0) -> None:
    """Set scale, limits and ticks of the y axis; ``headroom`` is the share that stays free above all values."""
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
    from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

    if reach.scale == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(_TICKS, min_n_ticks=2))
    elif reach.scale == "symlog":
        axes.yaxis.set_major_locator(FixedLocator(_around_zero(reach)))
        axes.yaxis.set_minor_locator(NullLocator())
    elif math.log10(reach.high) - math.log10(reach.low) > 2:
        axes.yaxis.set_major_locator(LogLocator(numticks=_TICKS + 1))
        axes.yaxis.set_minor_locator(NullLocator())


def _around_zero(reach: Reach) -> list[float]:
    """0, and powers of ten on the sides that have values, no more than have room."""
    sides = [side for side, end in ((-1, -reach.low), (1, reach.high)) if end >= reach.linear_to]
    first, last = math.log10(reach.linear_to), math.floor(math.log10(reach.largest))
    stride = max(math.ceil((last - first) / (_TICKS // max(len(sides), 1))), 1)
    powers = [10.0**power for power in np.arange(last, first - 0.5, -stride).tolist()]
    return sorted([0.0, *(side * power for side in sides for power in powers)])
