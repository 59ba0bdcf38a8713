"""Panels, one below the other over one axis of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nanlog.plot._marks import events, mark_events, mark_skips, skips_note
from nanlog.plot._style import GREY, SMALL, blank_figure, shown, style
from nanlog.plot._title import title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nanlog.plot._panel import Panel
    from nanlog.plot._subject import Subject

__all__ = ["PAD", "figure_of", "step_limits"]

#: Above and below the panels, in inches: title and names of events; the label of the steps.
_HEAD, _FOOT = 0.75, 0.35
PAD = 0.012  #: share of the steps that stays free at both ends


def figure_of(subject: Subject, panels: Sequence[Panel], notes: Sequence[str] = ()) -> Figure:
    """Draw the panels; ``notes`` are sentences below them, such as what the log does not say."""
    with style():
        heights = [panel.height for panel in panels]
        figure = blank_figure(sum(heights) + _HEAD + _FOOT + 0.15 * len(notes))
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})
        stacked = [row[0] for row in grid]
        stacked[0].set_xlim(*step_limits(subject, panels))
        for place, (axes, panel) in enumerate(zip(stacked, panels, strict=True)):
            panel.draw(axes, subject)
            mark_events(axes, subject, named=place == 0)
            mark_skips(axes, subject)
        _whole_steps(stacked[-1], subject)
        figure.suptitle(title_of(subject), x=0.01, ha="left", weight="bold", size=10)
        notes = [*notes, *skips_note(subject)]
        if notes:
            figure.supxlabel("\n".join(shown(note, 160) for note in notes), x=0.01, ha="left", size=SMALL, color=GREY)
        return figure


def _whole_steps(axes: Axes, subject: Subject) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel(subject.x_label)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)


def step_limits(subject: Subject, panels: Sequence[Panel]) -> tuple[float, float]:
    """The limits of the axis of steps: of all that is drawn, or those asked for; never a single point wide."""
    ends: list[float] = [event.at for event in events(subject)]
    for panel in panels:
        for series in panel.series:
            x = subject.x(series)
            x = x[subject.within(x)]
            if len(x):
                ends += [float(x.min()), float(x.max())]
    first, last = subject.steps
    low = float(first) if first is not None else min(ends, default=0.0)
    high = float(last) if last is not None else max(ends, default=low + 1.0)
    pad = PAD * (high - low) or 0.5
    return low - pad, float(np.maximum(high, low)) + pad
