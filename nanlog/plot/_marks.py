"""What stands on every axis of steps: where it began, what can be resumed, and all that is not finite.

A tracker leaves a gap where a point is NaN.  Here every stretch of such points is a shaded span, and a marker at the
edge of the axis says of which kind they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nanlog.model import FloatArray
from nanlog.plot._envelope import Stretch
from nanlog.plot._style import GREEN, GREY, INK, SMALL, WIDTH, Kind, Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

    from nanlog.plot._subject import Subject

__all__ = [
    "HEADROOM",
    "Event",
    "events",
    "mark_events",
    "mark_masked",
    "mark_nonfinite",
    "mark_skips",
    "rows_of",
    "skips_note",
]

#: Share of an axis' height that a row of markers takes.
HEADROOM = 0.07
#: Curves that get a row of their own; the others share the last one.
_ROWS = 3
#: Markers side by side in a row.
_MARKERS = 40
#: Width of a letter in units of the size of type, and of the axes in units of the figure; both are rough.
_LETTER, _AXES = 0.58, 0.8
_NAME_ROW = SMALL + 3  #: height of a row of names of events, in points
#: So many restarts are named.
_NAMED_RESTARTS = 3


@dataclass(frozen=True, slots=True)
class Event:
    """A vertical line through all panels, and its name above them ("": it has none)."""

    at: float
    name: str
    line: Line
    bold: bool = False


def events(subject: Subject) -> tuple[Event, ...]:
    """What is marked on the axis of steps, as far as it is to be seen; from left to right.

    What lies at the same step is one line, that of the most telling, with all names.
    """
    by_step: dict[float, list[Event]] = {}
    for event in _events(subject):
        if bool(subject.within(np.array([event.at]))[0]):
            by_step.setdefault(event.at, []).append(event)
    return tuple(_joined(together) for _, together in sorted(by_step.items()))


def _joined(together: Sequence[Event]) -> Event:
    last = together[-1]
    words = ", ".join(dict.fromkeys(event.name for event in together if event.name))
    return Event(last.at, words and f"{words} {_step(last.at)}", last.line, last.bold)


def _events(subject: Subject) -> Iterator[Event]:
    """The least telling first; names without their steps."""
    onset = subject.onset
    restarts = subject.restarts
    for step in restarts:
        name = "restart" if len(restarts) <= _NAMED_RESTARTS else ""
        yield Event(float(step), name, Line(GREY, (0, (1, 2)), 1.0))
    if (saved := subject.checkpoint_at) is not None:
        yield Event(float(saved), "last good checkpoint", Line(GREEN, (0, (6, 1.5, 1, 1.5)), 1.1))
    if onset.departure_step is not None:
        word = "diverges from" if onset.step is None else "grows from"
        yield Event(float(onset.departure_step), word, Line(GREY, (0, (4, 2)), 1.2))
    if (at := subject.onset_at) is not None:
        skipped = "skipped update" if onset.series == "skipped_step" else "harmless"
        yield Event(float(at), skipped if onset.harmless else "onset", Line(INK, "-", 1.4), bold=True)


def _step(step: float) -> str:
    return f"{step:.0f}" if abs(step) < 1e15 else f"{step:.3g}"


def mark_events(axes: Axes, subject: Subject, *, named: bool) -> None:
    """Draw the events as vertical lines; ``named`` puts their names above the axes, whose limits must be set.

    The title of the axes moves up to make room for them.
    """
    shown = events(subject)
    for event in shown:
        style = event.line
        axes.axvline(
            event.at, color=style.colour, linestyle=style.dashes, linewidth=style.width, zorder=2.5, gid="event"
        )
    if named:
        rows = _name_events(axes, [event for event in shown if event.name])
        axes.set_title(axes.get_title(loc="left"), loc="left", weight="bold", pad=4 + rows * _NAME_ROW)


def _name_events(axes: Axes, shown: Sequence[Event]) -> int:
    """Names above the axes, in as many rows as they need in order not to meet; returns how many."""
    left, right = axes.get_xlim()
    taken: list[float] = []  # where each row is taken to, from the left
    for event in shown:
        place = (event.at - left) / (right - left) if right > left else 0.5
        width = _share_of(f" {event.name} ")
        begin = min(max(place - width / 2, 0.0), max(1.0 - width, 0.0))
        row = next((k for k, to in enumerate(taken) if to <= begin), len(taken))
        taken[row : row + 1] = [begin + width]
        axes.annotate(
            event.name,
            (event.at, 1.0),
            (begin + width / 2, 1.0),
            xycoords=("data", "axes fraction"),
            textcoords=_above(axes, 3 + row * _NAME_ROW),
            ha="center",
            va="bottom",
            size=SMALL,
            color=event.line.colour,
            weight="bold" if event.bold else "normal",
            gid="event name",
        )
    return len(taken)


def _above(axes: Axes, points: float) -> Transform:
    """Fractions of the axes, shifted upwards."""
    from matplotlib.transforms import offset_copy

    return offset_copy(axes.transAxes, axes.get_figure(root=True), y=points, units="points")


def mark_skips(axes: Axes, subject: Subject) -> None:
    """A small tick at the lower edge for every update that a loss scaler skipped."""
    from matplotlib.lines import Line2D

    if not subject.skips:
        return
    ticks = Line2D(
        subject.skips,
        np.zeros(len(subject.skips)),
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker=2,  # a tick upwards
        markersize=6,
        color=INK,
        markeredgewidth=1.2,
        zorder=4,
    )
    ticks.set_gid("skipped")
    axes.add_artist(ticks)


def skips_note(subject: Subject) -> list[str]:
    """What the small ticks are; nothing where there are none."""
    count = len(subject.skips)
    what = "a tick at the lower edge: an update" if count == 1 else f"ticks at the lower edge: {count:,} updates"
    return [f"{what} that the loss scaler skipped"] if count else []


def rows_of(curves: Sequence[tuple[Line, Sequence[Stretch]]]) -> list[tuple[Line, list[Stretch]]]:
    """The rows of markers: one for each curve that has stretches, and one for all beyond the last row."""
    bad = [(line, list(spans)) for line, spans in curves if spans]
    rows = bad[:_ROWS]
    for _, spans in bad[_ROWS:]:
        rows[-1][1].extend(spans)
    return rows


def mark_nonfinite(axes: Axes, curves: Sequence[tuple[Line, Sequence[Stretch]]]) -> None:
    """Shade where points are not finite, and mark each kind at the edge of the axis, which must have its limits."""
    rows = rows_of(curves)
    for kind in Kind:
        spans = [span for _, row in rows for span in row if span.kind is kind]
        if spans:
            _shade(axes, kind, spans)
    for place, (line, spans) in enumerate(rows):
        for kind in Kind:
            of_kind = [span for span in spans if span.kind is kind]
            if of_kind:
                _mark_row(axes, place, line, kind, of_kind)
    _name_kinds(axes, rows)


def _shade(axes: Axes, kind: Kind, spans: Sequence[Stretch]) -> None:
    """One artist for all spans of a kind; a span of a single point is as wide as its edge."""
    from matplotlib.collections import PolyCollection
    from matplotlib.transforms import blended_transform_factory

    boxes = [[(a, 0), (a, 1), (b, 1), (b, 0)] for a, b in _merged(spans)]
    axes.add_collection(
        PolyCollection(
            boxes,
            transform=blended_transform_factory(axes.transData, axes.transAxes),
            facecolor=(*_rgb(kind.colour), 0.10),
            edgecolor=(*_rgb(kind.colour), 0.35),
            linewidth=0.8,
            hatch=kind.hatch,
            zorder=0.6,
            gid=f"span {kind.word}",
        ),
        autolim=False,
    )


def _merged(spans: Sequence[Stretch]) -> list[tuple[float, float]]:
    """Where any of the spans is, so that what several curves have in common is not shaded twice."""
    merged: list[tuple[float, float]] = []
    for first, last in sorted((s.first, s.last) for s in spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _rgb(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def _mark_row(axes: Axes, place: int, line: Line, kind: Kind, spans: Sequence[Stretch]) -> None:
    """Markers along the spans, at the upper edge (at the lower one for -Inf), on a rail in the colour of the curve."""
    from matplotlib.lines import Line2D

    inset = HEADROOM * (place + 0.5)
    y = inset if kind is Kind.MINUS else 1 - inset
    across = axes.get_xaxis_transform()
    for_rail = np.array([(s.first, s.last, np.nan) for s in spans]).ravel()
    rail = Line2D(for_rail, np.full(len(for_rail), y), transform=across, color=line.colour, lw=0.7, zorder=3)
    rail.set_gid("rail")
    axes.add_artist(rail)
    x = _places(axes, spans)
    markers = Line2D(
        x,
        np.full(len(x), y),
        transform=across,
        linestyle="none",
        marker=kind.marker,
        markersize=5.5,
        color=kind.colour,
        markeredgecolor="white",
        markeredgewidth=0.5,
        clip_on=False,
        zorder=4,
    )
    markers.set_gid(f"marker {kind.word}")
    axes.add_artist(markers)


def _places(axes: Axes, spans: Sequence[Stretch]) -> FloatArray:
    """Both ends of each span and places in between: no more than it has points, nor nearer than markers are wide."""
    left, right = axes.get_xlim()
    width = (right - left) / _MARKERS
    places: list[float] = []
    for span in sorted(spans, key=lambda one: one.first):
        between = max(int((span.last - span.first) / width), 1) if width > 0 else 1
        for x in np.linspace(span.first, span.last, min(between, _MARKERS, max(span.count - 1, 1)) + 1).tolist():
            if not places or x - places[-1] >= 0.6 * width:
                places.append(x)
    return np.array(places)


def mark_masked(axes: Axes, x: FloatArray, y: FloatArray) -> None:
    """Rings around points that are finite and stand for NaN; all of them lie at one height."""
    if not len(x):
        return
    colour = Kind.NAN.colour
    seen = _places(axes, [Stretch(Kind.NAN, float(x.min()), float(x.max()), len(x))]) if len(x) > _MARKERS else x
    axes.plot(
        seen,
        np.full(len(seen), float(np.median(y))),
        linestyle="none",
        marker="o",
        markersize=6,
        markerfacecolor="none",
        markeredgecolor=colour,
        markeredgewidth=1.0,
        zorder=4,
        gid="masked",
    )
    low, high = axes.get_ylim()
    place = axes.transAxes.inverted().transform(axes.transData.transform((x[0], y[0])))[1] if high > low else 0.5
    axes.annotate(
        "stands for NaN",
        (float(x[0]), float(y[0])),
        (5, -8 if place > 0.7 else 8),
        textcoords="offset points",
        va="top" if place > 0.7 else "bottom",
        size=SMALL,
        weight="bold",
        color=colour,
        gid="name masked",
    )


def _name_kinds(axes: Axes, rows: Sequence[tuple[Line, Sequence[Stretch]]]) -> None:
    """The word of each kind, once: left of where it is first seen, or below that where there is no room."""
    left, right = axes.get_xlim()
    first: dict[Kind, tuple[float, int]] = {}
    for span, place in sorted(((span, k) for k, (_, row) in enumerate(rows) for span in row), key=_start):
        first.setdefault(span.kind, (span.first, place))
    taken = 0.0  # to where names reach so far, in the share of the axis
    for kind, (x, row) in first.items():
        share = (x - left) / (right - left) if right > left else 0.5
        width = _share_of(f" {kind.word} ")
        below = share - width < taken
        taken = max(taken, share + width if below else share)
        inset = HEADROOM * (row + 0.5)
        down = 5 if kind is Kind.MINUS else -5
        axes.annotate(
            kind.word,
            (x, inset if kind is Kind.MINUS else 1 - inset),
            (2, down) if below else (-6, 0),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha="left" if below else "right",
            va=("bottom" if kind is Kind.MINUS else "top") if below else "center",
            size=SMALL,
            weight="bold",
            color=kind.colour,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
            zorder=5,
            gid=f"name {kind.word}",
        )


def _start(placed: tuple[Stretch, int]) -> tuple[float, int]:
    return placed[0].first, placed[1]


def _share_of(text: str) -> float:
    """About how much of the width of the axes the text takes."""
    return _LETTER * SMALL * len(text) / (_AXES * WIDTH * 72)
