"""Which scale an axis of values gets, and how far it reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nanlog.model import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DECADES", "Reach", "drawable", "set_scale"]

#: On a linear axis of 5 cm what is a thousandth of the largest value is as thin as the line that draws it.
DECADES = 3.0
#: Sizes beyond these are drawn at them: an axis and its ticks reach further than the values, and floats end at 1.8e308.
_LARGEST, _SMALLEST = 1e280, 1e-280
_END = 1e300
#: Values that differ by less than this share are the same on any axis.
_SAME = 1e-9
_MARGIN = 0.06
_TICKS = 5


def drawable(values: FloatArray) -> FloatArray:
    """The values, those at the very ends of the range of floats moved to where an axis still has room around them."""
    size = np.abs(values)
    outside = np.isfinite(values) & (size > 0) & ((size > _LARGEST) | (size < _SMALLEST))
    return np.where(outside, np.copysign(np.clip(size, _SMALLEST, _LARGEST), values), values)


class Reach:
    """What there is of finite values in a panel: gathered curve by curve, before anything is drawn.

    The values are :func:`drawable`.  With ``decades`` the scale is logarithmic in any case, as ratios are read.
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
        return max(abs(self.low), abs(self.high))

    def _scale(self, usual: Sequence[float], decades: bool) -> str:
        """``linear``; ``log`` or ``symlog`` where the values of a curve, or those of two curves, lie decades apart."""
        if not usual:
            return "linear"
        apart = math.log10(self.largest) - math.log10(min(usual))
        if not decades and apart < DECADES and self.largest < _LARGEST:
            return "linear"
        return "log" if self.low > 0 else "symlog"

    @property
    def linear_to(self) -> float:
        """Up to where a symmetric axis is linear: the usual size of a value, and less where none is negative."""
        if self.low < 0:
            size = float(np.median(self._sizes))
        else:
            size = max(float(self._sizes.min()), float(np.quantile(self._sizes, 0.05)) / 10)
        return float(10.0 ** math.floor(math.log10(size)))

    def heights(self, values: FloatArray) -> FloatArray:
        """Where values lie on an axis of this scale, for what knows none but linear axes."""
        if self.scale == "linear":
            return values
        if self.scale == "log":
            return np.asarray(np.log10(np.maximum(values, _SMALLEST)))
        size, small = np.abs(values), self.linear_to
        beyond = np.log10(np.maximum(size, small)) - math.log10(small)
        return np.asarray(np.copysign(np.minimum(size, small) / small + beyond, values))

    def values(self, heights: FloatArray) -> FloatArray:
        """The values that lie at these :meth:`heights`."""
        if self.scale == "linear":
            return heights
        if self.scale == "log":
            return np.asarray(10.0**heights)
        size = np.abs(heights)
        beyond = 10.0 ** (np.maximum(size - 1, 0) + math.log10(self.linear_to))
        return np.asarray(np.copysign(np.minimum(size, 1) * beyond, heights))


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
    low, high = transform.transform(np.array([reach.low, reach.high]))
    width = high - low
    if width <= _SAME * max(abs(low), abs(high)):
        width = 1.0 if reach.scale == "log" else 0.5 * abs(low) or 1.0
        low, high = low - width / 2, high + width / 2
    edges = np.array([low - width * _MARGIN, high + width * (_MARGIN + headroom)])
    with np.errstate(over="ignore"):
        bottom, top = np.clip(transform.inverted().transform(edges), -_END, _END)
    if reach.scale == "log":
        bottom = max(bottom, 1 / _END)
    axes.set_ylim(float(bottom), float(top))


def _set_ticks(axes: Axes, reach: Reach) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

    if reach.scale == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(_TICKS, min_n_ticks=2))
    elif len(ticks := _powers(reach)) > 1:
        axes.yaxis.set_major_locator(FixedLocator(ticks))
        axes.yaxis.set_minor_locator(NullLocator())
        # those of matplotlib divide the ends of the axis by one another, which overflows
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _power_of_ten(value)))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _power_of_ten(value: float) -> str:
    if value == 0:
        return r"$\mathdefault{0}$"
    sign = "-" if value < 0 else ""
    return rf"$\mathdefault{{{sign}10^{{{round(math.log10(abs(value)))}}}}}$"


def _powers(reach: Reach) -> list[float]:
    """Powers of ten (and 0), no more than have room; on a symmetric axis on the sides that have values."""
    symmetric = reach.scale == "symlog"
    first = math.log10(reach.linear_to) if symmetric else math.ceil(math.log10(reach.low))
    last = math.floor(math.log10(reach.largest))
    sides = [side for side, end in ((-1, -reach.low), (1, reach.high)) if end >= 10.0**first]
    stride = max(math.ceil((last - first) / (_TICKS // max(len(sides), 1))), 1)
    powers = [10.0**power for power in np.arange(last, first - 0.5, -stride).tolist()]
    return sorted([*([0.0] if symmetric else []), *(side * power for side in sides for power in powers)])
