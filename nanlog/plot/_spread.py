"""Where in a grid it began, and which way it went from there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanlog.plot._cells import BadFrom, Grid

__all__ = ["Reached", "Spread", "spread_of"]


@dataclass(frozen=True, slots=True)
class Reached:
    """The outermost row that went bad later on one side, and the step by which all on that side had that ever did."""

    row: int
    by: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The rows that went bad ``first``, several where the log does not order them, and how far it went from there."""

    first: tuple[int, ...]
    at: BadFrom
    above: Reached | None = None
    below: Reached | None = None

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """The first rows as stretches of neighbours, both ends included."""
        found = [[self.first[0], self.first[0]]]
        for one, other in pairwise(self.first):
            if other == one + 1:
                found[-1][1] = other
            else:
                found.append([other, other])
        return [(a, b) for a, b in found]


def spread_of(grid: Grid) -> Spread | None:
    """None where no row went bad.  That a bias follows its weight is no spreading: other layers are looked at."""
    bad = {k: row.bad_from for k, row in enumerate(grid.rows) if row.bad_from is not None}
    if not bad:
        return None
    at = min(bad.values(), key=_when)
    first = tuple(k for k, found in bad.items() if _when(found) == _when(at))
    layers = {grid.rows[k].layer for k in first}
    later = [k for k in bad if grid.rows[k].layer not in layers]
    above, below = [k for k in later if k < first[0]], [k for k in later if k > first[-1]]
    return Spread(
        first,
        at,
        Reached(above[0], max(bad[k].x for k in above)) if above else None,
        Reached(below[-1], max(bad[k].x for k in below)) if below else None,
    )


def _when(found: BadFrom) -> tuple[float, tuple[int, int]]:
    return found.x, found.turn
