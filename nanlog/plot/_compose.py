"""From the names of pictures to a figure, or to a sentence that says what the log lacks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nanlog.errors import NotLoggedError, UsageError
from nanlog.plot._dead_tail import without_dead_tail
from nanlog.plot._figure import figure_of
from nanlog.plot._panel import Panel
from nanlog.plot._pictures import PICTURES, overview_panels, series_panels
from nanlog.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nanlog.plot._subject import Subject

__all__ = ["draw", "draw_with_characters"]

#: Name of a picture -> what it shows, and what to log so that it can be drawn.
_NEEDS = {
    "loss": ("training loss", "print the loss of every step"),
    "lr": ("learning rate", "log the rate that the optimizer holds at each step"),
    "grad-norms": ("gradient norms", "log the norm that clip_grad_norm_ returns, or one norm for each layer"),
    "params": ("sizes of parameters", "log the norm of each parameter (Caffe: debug_info: true)"),
    "activations": ("sizes of activations", "log the mean absolute output of each layer (Caffe: debug_info: true)"),
    "ratio": ("sizes of updates and of the parameters they change", "log both for each layer"),
}
#: What else ``all`` shows.
_OTHERS = ("loss_scale", "update_norm*", "nonfinite/*", "metric/*", "val*/metric/*")
_NAMED = 6  #: series in the sentence that says what the log has


def draw(subject: Subject, pictures: Sequence[str] = (), globs: Sequence[str] = ()) -> Figure:
    """One figure with the panels of all ``pictures`` and of the series that match; the overview without either.

    Raises :class:`~nanlog.errors.NotLoggedError` where the log has nothing to draw of one of them and
    :class:`~nanlog.errors.UsageError` where it has nothing within the steps that are to be seen.
    """
    panels, notes = _panels(subject, pictures, globs)
    subject, cut = without_dead_tail(subject, panels)
    return figure_of(subject, panels, [*notes, *cut])


def draw_with_characters(
    subject: Subject, pictures: Sequence[str], globs: Sequence[str], width: int, *, colour: bool
) -> str:
    """Like :func:`draw`, as text for a terminal of ``width`` columns."""
    from nanlog.plot._terminal import with_characters

    panels, notes = _panels(subject, pictures, globs)
    subject, cut = without_dead_tail(subject, panels)
    return "\n".join([with_characters(subject, panels, width, colour=colour), *notes, *cut])


def _panels(subject: Subject, pictures: Sequence[str], globs: Sequence[str]) -> tuple[list[Panel], list[str]]:
    """What to draw, and what to say below it; at least one point of it is within the steps."""
    panels, notes = _found(subject, pictures, globs)
    _demand_points(subject, panels)
    return panels, notes


def _found(subject: Subject, pictures: Sequence[str], globs: Sequence[str]) -> tuple[list[Panel], list[str]]:
    """The panels, and what to say below them; raises like :func:`draw`."""
    if not subject.run.table:
        raise NotLoggedError(f"{subject.run.source} holds no number that belongs to a step: there is nothing to draw")
    if not pictures and not globs:
        return overview_panels(subject) or series_panels(subject, "*")[0], _left_out(subject)
    every = "all" in pictures
    panels: list[Panel] = []
    for name in PICTURES if every else dict.fromkeys(pictures):
        found = PICTURES[name](subject)
        if not found and not every:
            raise NotLoggedError(_lacks(subject, name))
        panels += found
    chosen, more = series_panels(subject, (*_OTHERS, *globs) if every else globs)
    if globs and not chosen:
        raise NotLoggedError(f"no series matches {' or '.join(globs)}: {_has(subject)}")
    notes = [f"not drawn for want of room: {_listed(more)}"] if more else []
    return [*panels, *chosen] or series_panels(subject, "*")[0], notes


def _left_out(subject: Subject) -> list[str]:
    """What the overview would show and the log does not say."""
    wanted = ("loss", "lr", "grad-norms")
    lacking = [_NEEDS[name][0] for name in wanted if not PICTURES[name](subject)]
    return [f"not in the log: {', '.join(lacking)}"] if lacking else []


def _lacks(subject: Subject, picture: str) -> str:
    what, how = _NEEDS[picture]
    return f"the log does not say the {what}: {_has(subject)}. To see it next time, {how}"


def _has(subject: Subject) -> str:
    return f"it has {_listed(list(subject.run.table))}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(printable(name, 60) for name in names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _demand_points(subject: Subject, panels: Sequence[Panel]) -> None:
    places = [subject.x(series) for panel in panels for series in panel.series]
    if places and not any(bool(subject.within(x).any()) for x in places):
        first, last = (int(end(np.concatenate(places))) for end in (np.min, np.max))
        low, high = ("" if step is None else step for step in subject.steps)
        raise UsageError(f"nothing lies within the steps {low}:{high}: these series have steps {first} to {last}")
