"""Cells of layers and steps as characters: darker is larger, letters are what is not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nanlog.plot._cells import Cell, Grid, grid_of
from nanlog.plot._heat_key import sizes_of
from nanlog.plot._heat_marks import said_of
from nanlog.plot._spread import spread_of
from nanlog.printable import printable

if TYPE_CHECKING:
    from nanlog.plot._subject import Subject
    from nanlog.plot.heat import HeatPanel

__all__ = ["cells_as_text"]

_SHADES = "·░▒▓█"
_BAD = {Cell.NAN: ("x", 196), Cell.PLUS: ("^", 214), Cell.MINUS: ("v", 201)}  #: letter, and colour of a terminal
_ROWS, _NAME = 24, 22  #: at most: rows, and letters of their names
_NARROWEST = 10


def cells_as_text(panel: HeatPanel, subject: Subject, width: int, *, colour: bool) -> str:
    """A line for each row, names at the left, the steps below; ``width`` columns wide."""
    longest = max((len(one.name.partition("/")[2]) for one in panel.series), default=0)
    margin = min(_NAME if len(panel.series) > _ROWS else longest, _NAME, width // 3)
    room = max(width - margin - 3, _NARROWEST)
    grid = grid_of(subject, panel.series, room, _ROWS)
    names = [printable(row.name, max(margin, 1)).rjust(margin) for row in grid.rows]
    unit = subject.x_label.partition(" ")[0]
    low, high = (f"{end:.3g}" for end in sizes_of(grid).get_clim())
    scale = f"  ({low} {_SHADES} {high})" if np.isfinite(grid.value).any() else ""
    head = " " * (margin + 1) + printable(panel.title, 60) + scale
    body = [f"{name} │{line}" for name, line in zip(names, _lines(grid, room, colour=colour), strict=True)]
    first, last = (float(np.round(ends.mean())) + 0.0 for ends in (grid.edges[:2], grid.edges[-2:]))  # never -0
    steps = f"{first:.0f}".ljust(room - len(f"{last:.0f}")) + f"{last:.0f}"
    exact = grid_of(subject, panel.series)  # of which the rows of layers are not joined
    spread = spread_of(exact)
    found = [] if spread is None else [" " * (margin + 2) + said_of(exact, spread, unit)]
    return "\n".join([head, *body, " " * (margin + 1) + "└" + "─" * room, " " * (margin + 2) + steps, *found])


def _lines(grid: Grid, room: int, *, colour: bool) -> list[str]:
    """The cells, ``room`` letters wide; a column takes one letter at least, and none that is not finite is hidden."""
    shown = np.full((len(grid.rows), room), " ", dtype="<U1")
    code = np.zeros(shown.shape, np.int8)
    letters = _letters(grid)
    left, width = float(grid.edges[0]), float(grid.edges[-1] - grid.edges[0]) / room
    ends = np.clip(np.round((grid.edges - left) / width), 0, room).astype(int)
    for over in (Cell.FINITE, Cell.NAN):  # what is not finite is written over what is
        for k in range(len(grid.edges) - 1):
            begin = min(ends[k], room - 1)
            own = slice(begin, max(ends[k + 1], begin + 1))
            rows = np.flatnonzero(grid.code[:, k] >= over)
            shown[rows, own] = letters[rows, k, None]
            code[rows, own] = grid.code[rows, k, None]
    return ["".join(_painted(shown[row], code[row]) if colour else shown[row]) for row in range(len(grid.rows))]


def _letters(grid: Grid) -> NDArray[np.str_]:
    """One for each cell."""
    share = np.asarray(sizes_of(grid).norm(np.where(grid.value > 0, grid.value, 1.0)), np.float64)
    darkness = np.clip(share * len(_SHADES), 0, len(_SHADES) - 1).astype(int)
    letters = np.where(grid.value == 0, "0", np.array(list(_SHADES))[darkness])
    for cell, (letter, _) in _BAD.items():
        letters[grid.code == cell] = letter
    return letters


def _painted(letters: NDArray[np.str_], code: NDArray[np.int8]) -> list[str]:
    return [
        f"\x1b[38;5;{_BAD[Cell(int(cell))][1]}m{letter}\x1b[0m" if int(cell) in _BAD else str(letter)
        for letter, cell in zip(letters, code, strict=True)
    ]
