"""What is drawn where: the artists of a figure, found by what they are."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

__all__ = ["artists", "heights_of", "lines", "names", "panel", "places", "spans", "titles"]


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def panel(figure: Figure, title: str) -> Axes:
    """The one panel whose title begins so."""
    (found,) = [axes for axes in figure.axes if axes.get_title(loc="left").startswith(title)]
    return found


def artists(axes: Axes, gid: str) -> list[Artist]:
    return [artist for artist in axes.get_children() if artist.get_gid() == gid]


def lines(axes: Axes, gid: str) -> list[Line2D]:
    return [artist for artist in artists(axes, gid) if isinstance(artist, Line2D)]


def places(axes: Axes, gid: str) -> list[float]:
    """The x of all points of the lines of a kind."""
    found = [np.unique(np.asarray(line.get_xdata(), float)) for line in lines(axes, gid)]
    return [float(x) for xs in found for x in xs if np.isfinite(x)]


def heights_of(axes: Axes, gid: str) -> list[float]:
    """The y of all points of the lines of a kind, in the units they are drawn in."""
    return [float(y) for line in lines(axes, gid) for y in np.asarray(line.get_ydata(), float)]


def names(axes: Axes, gid: str) -> list[str]:
    return [artist.get_text() for artist in artists(axes, gid) if isinstance(artist, Text)]


def spans(axes: Axes, word: str) -> list[tuple[float, float]]:
    """From where to where each shaded span of a kind reaches."""
    shaded = [artist for artist in artists(axes, f"span {word}") if isinstance(artist, PolyCollection)]
    corners = [np.asarray(path.vertices, float)[:, 0] for one in shaded for path in one.get_paths()]
    return [(float(x.min()), float(x.max())) for x in corners]
