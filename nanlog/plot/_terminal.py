"""The same panels drawn with characters, for a machine without a screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nanlog.model import FloatArray
from nanlog.plot._choice import curves_of
from nanlog.plot._envelope import Stretch, envelope
from nanlog.plot._figure import PAD, step_limits
from nanlog.plot._heat_text import cells_as_text
from nanlog.plot._marks import events
from nanlog.plot._scale import Reach
from nanlog.plot._style import Kind
from nanlog.plot._title import title_of
from nanlog.plot.heat import HeatPanel
from nanlog.printable import printable

if TYPE_CHECKING:
    from nanlog.plot._panel import Panel
    from nanlog.plot._subject import Subject

__all__ = ["with_characters"]

_ROWS, _NARROWEST = 13, 40  #: of a panel, the title and the steps included; columns
_COLOURS = ("blue", "green", "cyan", "white", "gray")
_MARKERS = ("braille", "•", "+", "◦", "*")
_KINDS = {Kind.NAN: ("x", "red"), Kind.PLUS: ("^", "orange"), Kind.MINUS: ("v", "magenta")}
_CURVES = 5  #: more cannot be told apart
_TICKS, _LABEL = 4, 9


def with_characters(subject: Subject, panels: Sequence[Panel], width: int, *, colour: bool) -> str:
    """The panels below one another, ``width`` columns wide; what comes from the log cannot steer the terminal."""
    import plotext  # type: ignore[import-untyped]

    width = max(width, _NARROWEST)
    limits = step_limits(subject, panels)
    parts = [title_of(subject, printable), *_legend(subject)]
    for panel in panels:
        if isinstance(panel, HeatPanel):
            parts.append(cells_as_text(panel, subject, width, colour=colour))
            continue
        parts.append(_panel(plotext, subject, panel, limits, width))
    text = "\n".join(parts)
    return text if colour else plotext.uncolorize(text)


def _legend(subject: Subject) -> Iterator[str]:
    """What the vertical lines and the letters mean."""
    named = [event.name for event in events(subject) if event.name]
    if named:
        yield "| " + ", ".join(named)
    yield "x NaN   ^ +Inf   v -Inf"


def _panel(plt: Any, subject: Subject, panel: Panel, limits: tuple[float, float], width: int) -> str:
    chosen = [curve for curve in curves_of(subject, panel.series) if curve.name]
    curves = sorted(chosen, key=lambda curve: -curve.line.width)[:_CURVES]
    parts = [(place, points) for place, curve in enumerate(curves) for points in subject.points(curve.series)]
    drawn = [(place, envelope(points.x, points.y, 2 * width)) for place, points in reversed(parts)]
    reach = Reach([shape.y for _, shape in drawn])
    ends = reach.heights(np.array([reach.low, reach.high]))
    room = float(ends[1] - ends[0]) * 0.1 or 0.5 * abs(float(ends[0])) or 1.0
    low, high = float(ends[0]) - room, float(ends[1]) + room
    plt.clear_figure()
    plt.theme("clear")
    plt.plotsize(width, _ROWS)
    plt.xlim(*limits)
    plt.ylim(low, high)
    for event in events(subject):
        plt.vline(event.at, "gray")
    for place, shape in drawn:
        for x, y in _pieces(shape.x, reach.heights(shape.y)):
            plt.plot(x, y, marker=_MARKERS[place], color=_COLOURS[place])
        for kind, (marker, shade) in _KINDS.items():
            if at := _places([s for s in shape.stretches if s.kind is kind], limits, width):
                plt.scatter(at, [low if kind is Kind.MINUS else high] * len(at), marker=marker, color=shade)
    names = ", ".join(f"{_MARKERS[k].replace('braille', '⠒')} {printable(c.name, 30)}" for k, c in enumerate(curves))
    scale = "" if reach.scale == "linear" else f", {reach.scale} scale"
    plt.title(f"{printable(panel.title, 60)}{scale}" + (f"   {names}" if len(curves) > 1 else ""))
    _ticks(plt, reach, limits)
    return str(plt.build())


def _pieces(x: FloatArray, y: FloatArray) -> Iterator[tuple[list[float], list[float]]]:
    """The parts of a line between its gaps."""
    gaps = np.flatnonzero(np.isnan(y))
    for piece in np.split(np.arange(len(y)), gaps):
        kept = piece[np.isfinite(y[piece])]
        if len(kept):
            yield x[kept].tolist(), y[kept].tolist()


def _places(spans: Sequence[Stretch], limits: tuple[float, float], width: int) -> list[float]:
    """The columns in which one of the spans lies."""
    columns = max(width - 10, 1)
    one = (limits[1] - limits[0]) / columns
    places: set[int] = set()
    for span in spans:
        first, last = (min(max(int((x - limits[0]) / one), 0), columns) for x in (span.first, span.last))
        places.update(range(first, last + 1))
    return [limits[0] + (place + 0.5) * one for place in sorted(places)]


def _ticks(plt: Any, reach: Reach, limits: tuple[float, float]) -> None:
    """Whole steps, and the values themselves also where the axis is not linear; in a column of one width."""
    margin = PAD * (limits[1] - limits[0]) / (1 + 2 * PAD)
    first, last = np.ceil(limits[0] + 0.99 * margin), np.floor(limits[1] - 0.99 * margin)
    steps = np.unique(np.linspace(first, last, _TICKS + 2).round()).tolist() if last >= first else []
    plt.xticks(steps, [f"{step:.0f}" for step in steps])
    low, high = reach.heights(np.array([reach.low, reach.high])).tolist()
    at = np.unique(np.linspace(low, high, _TICKS))
    labels = [f"{value:>{_LABEL}.3g}" for value in reach.values(at).tolist()]
    plt.yticks(at.tolist(), [" " * _LABEL] * len(at) if reach.empty else labels)
