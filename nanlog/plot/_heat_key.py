"""Right of the cells: which colour is which size, and what the other colours and hatchings mean."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nanlog.plot._cells import Cell
from nanlog.plot._heat_style import LOOKS, ZERO, sizes_map
from nanlog.plot._style import GREY, SMALL, Kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

    from nanlog.plot._cells import Grid

__all__ = ["draw_key", "sizes_of"]

_PALEST = 0.02  #: share of the cells that may be smaller than the palest colour says
_NARROWEST = 10.0  #: the largest size is at least so many times the smallest
_SMALL: dict[str, Any] = {"size": SMALL - 1, "color": GREY, "annotation_clip": False}
_FEW_DECADES = 300.0  #: up to this ratio powers of ten alone would be too few marks on the scale
_TICKS = 6
_LINE = 0.19  #: height of an entry of the key, in inches


def sizes_of(grid: Grid) -> ScalarMappable:
    """From finite sizes to colours; the largest has the darkest, and a few may be smaller than the palest."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    known = grid.value[(grid.code == Cell.FINITE) & (grid.value > 0)]
    low, high = (float(np.quantile(known, _PALEST)), float(known.max())) if len(known) else (0.1, 1.0)
    low = max(low, np.finfo(np.float64).tiny)
    if high < _NARROWEST * low:
        middle = np.sqrt(low) * np.sqrt(high)
        low, high = float(middle / _NARROWEST**0.5), float(middle * _NARROWEST**0.5)
    return ScalarMappable(LogNorm(low, high, clip=False), sizes_map())


def draw_key(axes: Axes, grid: Grid, height: float, absent: str, *, rule: float | None, wide: bool) -> None:
    """A scale of sizes above, the other kinds of cells below.

    ``height`` is that of the axes, in inches; ``absent`` is the word for cells without a point, ``rule`` a size that is
    marked; ``wide`` leaves room for arrows beside the cells.
    """
    from matplotlib.patches import Patch

    left = 1.065 if wide else 1.015
    known = {**LOOKS, Cell.NOT_LOGGED: replace(LOOKS[Cell.NOT_LOGGED], word=absent)}
    looks = [look for cell, look in known.items() if (grid.code == cell).any()]
    finite = grid.code == Cell.FINITE
    if (finite & (grid.value == 0)).any():
        looks.append(ZERO)
    patches = [
        Patch(facecolor=look.colour, edgecolor=look.ink, hatch=2 * look.hatch, label=look.word, linewidth=0.4)
        for look in looks
    ]
    if patches:
        legend = axes.legend(
            handles=patches,
            loc="lower left",
            bbox_to_anchor=(left, 0),
            frameon=False,
            fontsize=SMALL,
            handlelength=1.5,
            handleheight=1.1,
            handletextpad=0.5,
            labelspacing=0.35,
            borderpad=0,
            borderaxespad=0,
        )
        legend.set_gid("key")
    if finite.any():
        _draw_scale(axes, grid, (left, min(_LINE * len(patches) / height, 0.6)), rule)


def _draw_scale(axes: Axes, grid: Grid, corner: tuple[float, float], rule: float | None) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101
    bar = axes.inset_axes((*corner, 0.014, 1 - corner[1]))
    colours = sizes_of(grid)
    scale = figure.colorbar(colours, cax=bar)
    scale.outline.set_visible(False)
    bar.set_gid("scale")
    bar.grid(visible=False)
    bar.tick_params(labelsize=SMALL - 0.5, length=2, pad=2, color=GREY)
    low, high = colours.get_clim()
    bar.yaxis.set_major_locator(FixedLocator(_ticks(low, high)))
    bar.yaxis.set_minor_locator(NullLocator())
    if high < _FEW_DECADES * low:
        bar.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if rule is not None and low < rule < high:
        bar.axhline(rule, color="white", lw=2.6)
        bar.axhline(rule, color=Kind.NAN.colour, lw=1.2, gid="rule")
        bar.annotate(
            "rule of thumb", (1, rule), (26, 0), ("axes fraction", "data"), "offset points", va="center", **_SMALL
        )


def _ticks(low: float, high: float) -> list[float]:
    """Powers of ten, and 2 and 5 times these where there are few; those of matplotlib overflow."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    stride = max(math.ceil((last - first) / _TICKS), 1)
    factors = (1, 2, 5) if high < _FEW_DECADES * low else (1,)
    powers = range(-(-first // stride) * stride - stride, last + 1, stride)
    found = [float(f"{factor}e{power}") for power in powers for factor in factors]
    return [value for value in found if low <= value <= high]
