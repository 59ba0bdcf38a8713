"""A panel: some curves over one axis of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nanlog.model import Series
from nanlog.plot._envelope import COLUMNS, Envelope, envelope
from nanlog.plot._labels import name_curves
from nanlog.plot._marks import HEADROOM, mark_masked, mark_nonfinite, rows_of
from nanlog.plot._scale import Reach, set_scale
from nanlog.plot._style import GREY, Line, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nanlog.plot._subject import Subject

__all__ = ["Curve", "CurvePanel", "Panel"]

#: A curve with fewer points than this shows them as dots.
_DOTS = 25
#: Many curves share this many points, so that a picture of hundreds is drawn as fast as one.
_COLUMNS_IN_ALL = 40_000


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A series, how it is drawn, and its name beside the axes ("" for one that is background)."""

    series: Series
    name: str
    line: Line


class Panel(Protocol):
    """Draws itself on axes whose limits of steps are set; ``height`` in inches."""

    @property
    def title(self) -> str: ...

    @property
    def height(self) -> float: ...

    @property
    def series(self) -> Sequence[Series]:
        """What is drawn; the axis of steps covers all of it."""

    def draw(self, axes: Axes, subject: Subject) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class CurvePanel:
    """Curves on a common scale; ``title`` says what they are.

    ``rule`` is a value worth knowing, which is drawn as a thin line, and its name; with it the scale is logarithmic.
    """

    title: str
    curves: tuple[Curve, ...]
    height: float = 2.1
    rule: tuple[float, str] | None = None

    @property
    def series(self) -> Sequence[Series]:
        return [curve.series for curve in self.curves]

    def draw(self, axes: Axes, subject: Subject) -> None:
        points = [(curve, subject.points(curve.series)) for curve in self.curves]
        columns = max(min(COLUMNS, _COLUMNS_IN_ALL // max(len(self.curves), 1)), 100)
        drawn = [(curve, part.attempt, envelope(part.x, part.y, columns)) for curve, parts in points for part in parts]
        bad = [(curve.line, shape.stretches) for curve, _, shape in drawn]
        known = [] if self.rule is None else [np.array([self.rule[0]])]
        reach = Reach([*(shape.y for _, _, shape in drawn), *known], decades=bool(known))
        set_scale(axes, reach, HEADROOM * len(rows_of(bad)))
        main = subject.onset.attempt if len(subject.run.attempts) > 1 else None
        for curve, attempt, shape in sorted(drawn, key=lambda one: one[0].line.width):  # what is thin lies behind
            _draw(axes, curve.line, shape, faded=main is not None and attempt != main)
        for curve, parts in points:
            for part in parts:
                masked = subject.masked(curve.series, part)
                mark_masked(axes, part.x[masked], part.y[masked])
        mark_nonfinite(axes, bad)
        self._say(axes, reach)
        name_curves(axes, drawn)

    def _say(self, axes: Axes, reach: Reach) -> None:
        """Title, the scale where it is not linear, and what is missing."""
        scale = "" if reach.scale == "linear" else f"  ({reach.scale} scale)"
        axes.set_title(shown(self.title, 80) + scale, loc="left", pad=4, weight="bold")
        if self.rule is not None and not reach.empty:
            value, words = self.rule
            axes.axhline(value, color=GREY, lw=0.8, linestyle=(0, (1, 2)), zorder=1, gid="rule")
            axes.annotate(
                words,
                (0, value),
                (3, 2),
                ("axes fraction", "data"),
                "offset points",
                size=7,
                color=GREY,
                gid="rule name",
            )
        if reach.empty:
            axes.set_yticks([])
            axes.text(0.5, 0.5, "no finite point", transform=axes.transAxes, ha="center", va="center", color=GREY)


def _draw(axes: Axes, line: Line, shape: Envelope, *, faded: bool) -> None:
    few = np.isfinite(shape.y).sum() < _DOTS
    axes.plot(
        shape.x,
        shape.y,
        color=line.colour,
        linestyle=line.dashes,
        linewidth=line.width * (0.7 if faded else 1.0),
        alpha=0.45 if faded else 1.0,
        marker="o" if few else None,
        markersize=1.9 * line.width,
        zorder=2,
        gid="curve",
    )
    if len(shape.lonely) and not few:
        axes.plot(
            shape.x[shape.lonely], shape.y[shape.lonely], ".", color=line.colour, markersize=3, zorder=2, gid="alone"
        )
