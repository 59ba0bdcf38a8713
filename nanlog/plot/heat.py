"""Layers x steps as a picture: where it began, and which way it spread.

:func:`grid_of` makes the cells and :func:`draw_heat` draws them; :class:`HeatPanel` is both as a panel of a figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nanlog.model import Series
from nanlog.plot._cells import ROWS, Cell, Grid, grid_of
from nanlog.plot._heat_key import draw_key, sizes_of
from nanlog.plot._heat_marks import mark_beginning, mark_spread, mark_steps
from nanlog.plot._heat_style import LOOKS, ZERO
from nanlog.plot._marks import events
from nanlog.plot._row_names import named_rows
from nanlog.plot._spread import spread_of
from nanlog.plot._style import GREY, INK, SMALL, Kind, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nanlog.plot._spread import Spread
    from nanlog.plot._subject import Subject

__all__ = ["Cell", "Grid", "HeatPanel", "draw_heat", "grid_of"]

_ROW, _LEAST, _MOST = 0.17, 1.5, 6.2  #: heights in inches: of a row, and of a panel
_FRAME = 0.5  #: of a panel's height that its title and its distance from the next take, about
_NAME = 30  #: longest name of a row
_LINE = SMALL + 2.0  #: height of a name, in points
_SEPARATED = 7.0  #: rows at least so high, in points, are parted by thin lines
_HATCHES = 4000  #: so many rectangles are hatched; the largest, where there are more

#: What the order of rows is from -> what is written beside them, read downwards.
_ORDERS = {
    "computed": "input → output",
    "named": "input → output, by name",
    "logged": "in the order of the log →",
}


@dataclass(frozen=True, slots=True, eq=False)
class HeatPanel:
    """The sizes of some layers' series, in colours; ``title`` says what they measure.

    ``rule`` is a size worth knowing, which is marked on the scale; ``absent`` is what a cell without a point is called;
    ``highest`` is how much room the cells may take, in inches.
    """

    title: str
    series: tuple[Series, ...]
    rule: float | None = None
    absent: str = LOOKS[Cell.NOT_LOGGED].word
    highest: float = _MOST

    @property
    def height(self) -> float:
        rows = min(len({series.name for series in self.series}), ROWS)
        return float(np.clip(_ROW * rows, _LEAST, self.highest)) + _FRAME

    def draw(self, axes: Axes, subject: Subject) -> None:
        grid = grid_of(subject, self.series, rows=int(ROWS * self.highest / _MOST))  # none is lost between two pixels
        unit = subject.x_label.partition(" ")[0]
        draw_heat(axes, grid, self.height - _FRAME, unit, rule=self.rule, absent=self.absent)
        mark_steps(axes, grid, events(subject))
        several = subject.attempt is None and len(subject.run.attempts) > 1
        title = self.title + (f", training {subject.onset.attempt}" if several else "")
        axes.set_title(shown(title, 80), loc="left", pad=4, weight="bold")


def draw_heat(
    axes: Axes,
    grid: Grid,
    height: float = 4.0,
    unit: str = "step",
    *,
    rule: float | None = None,
    absent: str = LOOKS[Cell.NOT_LOGGED].word,
) -> None:
    """Draw cells, names of rows, the key, the cells where it began and how it spread.

    ``height`` is that of the axes, in inches: so many names have room.  ``unit`` is what steps count, ``rule`` a size
    that is marked on the scale, ``absent`` the word for cells without a point.
    """
    spread = spread_of(grid)
    points = height * 72
    axes.grid(visible=False)
    _widen(axes, grid)
    axes.set_ylim(len(grid.rows), 0)
    _draw_cells(axes, grid)
    _draw_hatching(axes, grid)
    if points / len(grid.rows) >= _SEPARATED:
        axes.hlines(np.arange(1, len(grid.rows)), grid.edges[0], grid.edges[-1], color="white", lw=0.6, zorder=3.2)
    _name_rows(axes, grid, spread, max(int(points / _LINE), 2))
    if spread is not None:
        mark_beginning(axes, grid, spread, unit)
        mark_spread(axes, grid, spread, height, unit)
    arrows = spread is not None and (spread.above or spread.below) is not None
    draw_key(axes, grid, height, absent, rule=rule, wide=arrows)


def _widen(axes: Axes, grid: Grid) -> None:
    """Whole columns are to be seen at both ends."""
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, float(grid.edges[0])), max(right, float(grid.edges[-1])))


def _draw_cells(axes: Axes, grid: Grid) -> None:
    from matplotlib.colors import to_rgba

    colours = sizes_of(grid)
    image = colours.to_rgba(np.where(np.isfinite(grid.value), grid.value, 1.0))
    image[(grid.code == Cell.FINITE) & (grid.value == 0)] = to_rgba(ZERO.colour)
    for cell, look in LOOKS.items():
        image[grid.code == cell] = to_rgba(look.colour)
    rows = np.arange(len(grid.rows) + 1)
    # a picture of many cells as shapes would be slow in any viewer, and show seams between them
    axes.pcolormesh(grid.edges, rows, image, rasterized=True, antialiased=False, zorder=3, gid="cells")


def _draw_hatching(axes: Axes, grid: Grid) -> None:
    from matplotlib.collections import PolyCollection

    for cell, look in LOOKS.items():
        boxes = list(_boxes(grid.code == cell))
        boxes.sort(key=lambda box: (box[2] - box[0]) * (box[3] - box[1]), reverse=True)
        if boxes:
            corners = [[(grid.edges[x], y) for x, y in ((a, b), (a, d), (c, d), (c, b))] for a, b, c, d in boxes]
            axes.add_collection(
                PolyCollection(
                    corners[:_HATCHES],
                    facecolor="none",
                    edgecolor=look.ink,
                    linewidth=0,
                    hatch=look.hatch,
                    zorder=3.1,
                    gid=f"cells {look.word}",
                ),
                autolim=False,
            )


def _boxes(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> Iterator[tuple[int, int, int, int]]:
    """The cells that are set as rectangles (left, top, right, bottom): runs of a row, joined with equal ones below."""
    open_since: dict[tuple[int, int], int] = {}
    for y in range(len(mask) + 1):
        row = np.zeros(mask.shape[1] + 2, np.int8)
        if y < len(mask):
            row[1:-1] = mask[y]
        change = np.diff(row)
        runs = set(zip(np.flatnonzero(change == 1).tolist(), np.flatnonzero(change == -1).tolist(), strict=True))
        for run in [run for run in open_since if run not in runs]:
            yield run[0], open_since.pop(run), run[1], y
        for run in runs:
            open_since.setdefault(run, y)


def _name_rows(axes: Axes, grid: Grid, spread: Spread | None, room: int) -> None:
    first: Sequence[int] = () if spread is None or 2 * len(spread.first) > len(grid.rows) else spread.first
    names = named_rows([row.name for row in grid.rows], first, room)
    axes.set_yticks([row + 0.5 for row in names], [shown(name, _NAME) for name in names.values()])
    axes.tick_params(axis="y", length=2.5, pad=2)
    for row, label in zip(names, axes.get_yticklabels(), strict=True):
        if row in first:
            label.set(color=Kind.NAN.colour, weight="bold")
        else:
            label.set_color(INK)
    axes.set_ylabel(_ORDERS[grid.order], rotation=270, size=SMALL, color=GREY, labelpad=10)
