"""How pictures look: colours, shapes, type, sizes; and how text from a log is written into them.

The colours are those of Okabe and Ito (Color Universal Design, https://jfly.uni-koeln.de/color/), which people who
see colours differently can tell apart.  No meaning is said by colour alone: kinds of points differ in shape, lines in
their dashes, so that a grey print can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nanlog.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "DPI",
    "GREY",
    "HAZE",
    "INK",
    "NAME",
    "SMALL",
    "WIDTH",
    "Kind",
    "Line",
    "blank_figure",
    "lines",
    "shown",
    "style",
]

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PURPLE = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73"),
    *("#F0E442", "#0072B2", "#D55E00", "#CC79A7"),
)
INK, GREY, HAZE = "#222222", "#6b6b6b", "#b8c4d0"

#: Lines of a panel, in this order.  Yellow cannot be seen on white; vermillion, orange and purple mean something.
PALETTE = (BLUE, GREEN, SKY, BLACK)
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))

WIDTH = 9.0  #: of every picture, in inches
DPI = 130
SIZE, SMALL = 9.0, 7.5  #: of type, in points

#: Longest name from a log inside a picture.
NAME = 36

#: Tried one after the other for a character; the first comes with matplotlib.
_FAMILIES = (
    *("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans", "WenQuanYi Micro Hei"),
    *("Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Malgun Gothic", "Arial Unicode MS"),
)


class Kind(Enum):
    """What a point is that is not finite: its word, its colour, the shape of its marker, the hatching of its span."""

    NAN = ("NaN", VERMILLION, "X", "////")
    PLUS = ("+Inf", ORANGE, "^", "....")
    MINUS = ("-Inf", PURPLE, "v", "\\\\\\\\")

    def __init__(self, word: str, colour: str, marker: str, hatch: str) -> None:
        self.word = word
        self.colour = colour
        self.marker = marker
        self.hatch = hatch


@dataclass(frozen=True, slots=True)
class Line:
    """How one curve is drawn."""

    colour: str
    dashes: Any = "-"
    width: float = 1.3

    @property
    def key(self) -> tuple[str, object]:
        """What tells it from others."""
        return self.colour, self.dashes


def lines(count: int) -> tuple[Line, ...]:
    """As many curves as are told apart by colour and, in grey, by their dashes."""
    colours, dashes = len(PALETTE), len(_DASHES)
    return tuple(Line(PALETTE[k % colours], _DASHES[(k + k // colours) % dashes]) for k in range(count))


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib as it comes, with our settings; what the user's ``matplotlibrc`` says is put back afterwards.

    Figures are made and saved inside.  The settings of matplotlib are global, so this is not for several threads.
    """
    import matplotlib as mpl

    # values at the ends of the range of floats overflow inside matplotlib, off the picture
    with mpl.rc_context(), np.errstate(all="ignore"):
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.family": list(_installed()),
                "font.size": SIZE,
                "axes.titlesize": SIZE,
                "axes.labelsize": SIZE,
                "xtick.labelsize": SMALL,
                "ytick.labelsize": SMALL,
                "axes.edgecolor": GREY,
                "axes.labelcolor": INK,
                "text.color": INK,
                "xtick.color": GREY,
                "ytick.color": GREY,
                "xtick.labelcolor": INK,
                "ytick.labelcolor": INK,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.grid": True,
                "axes.axisbelow": True,
                "grid.color": "#ececec",
                "grid.linewidth": 0.7,
                "hatch.linewidth": 0.5,
                "figure.dpi": DPI,
                "savefig.dpi": DPI,
                "svg.fonttype": "none",
                "svg.hashsalt": "nanlog",
                "pdf.fonttype": 42,
                "axes.unicode_minus": False,
            }
        )
        yield


def blank_figure(height: float) -> Figure:
    """An empty figure of the common width, drawn by Agg; pyplot is not involved.  ``height`` in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def shown(text: str, limit: int = NAME) -> str:
    """The text as it may stand in a picture: on one line, short, no mathematics, only characters that there are.

    A character that no font at hand has becomes its escape (``\\u4e2d``).

    >>> shown("a$b$c")
    'a\\\\$b\\\\$c'
    """
    known = _characters()
    clean = "".join(c if ord(c) in known else c.encode("unicode_escape").decode() for c in printable(text, limit))
    return printable(clean, limit).replace("$", r"\$")


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    """Those of the families that this machine has."""
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return tuple(family for family in _FAMILIES if family in there) or ("sans-serif",)


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    """The code points that can be drawn."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    files = (findfont(FontProperties(family=[family])) for family in _installed())
    return frozenset().union(*(get_font(file).get_charmap() for file in files))
