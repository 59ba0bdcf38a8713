"""How cells look: sizes from pale to dark blue, what is not finite in warm colours with a hatching for each kind.

Lightness falls steadily with the size, so that a grey print keeps the order, and no warm colour is ever a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanlog.plot._cells import Cell
from nanlog.plot._style import Kind

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

__all__ = ["LOOKS", "Look", "sizes_map"]

#: From small to large; the lightness of each in CIELAB falls by about the same.
_SIZES = ("#e6f1ef", "#bddfdf", "#8bc5d3", "#5aa6c6", "#3b83b5", "#2f5f9c", "#283d7c", "#1f2055", "#120d2e")
_ZERO = "#fbfaf3"


@dataclass(frozen=True, slots=True)
class Look:
    """Of one kind of cell: its word in the key, its colour, its hatching and the colour of that."""

    word: str
    colour: str
    hatch: str
    ink: str


LOOKS = {
    Cell.NAN: Look("NaN", Kind.NAN.colour, "//", "#ffffff"),
    Cell.PLUS: Look("+Inf", "#f2b134", "...", "#3a2a00"),
    Cell.MINUS: Look("-Inf", Kind.MINUS.colour, "\\\\", "#4a1f3a"),
    Cell.NOT_LOGGED: Look("not logged", "#ffffff", "xxxx", "#d4d4d4"),
}
ZERO = Look("0", _ZERO, "", "#c9c6b6")


def sizes_map() -> Colormap:
    """The colours of finite sizes; 0, which has no logarithm, is nearly white."""
    from matplotlib.colors import LinearSegmentedColormap

    found = LinearSegmentedColormap.from_list("sizes", list(_SIZES))
    return found.with_extremes(under=_SIZES[0], over=_SIZES[-1], bad=(0, 0, 0, 0))
