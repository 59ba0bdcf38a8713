"""Pictures of a run, with what is not finite in plain sight.

Every function takes a :class:`~nanlog.model.Report`, or a :class:`~nanlog.model.Run` alone (its onset is then located),
and returns a ``matplotlib.figure.Figure`` that belongs to no window::

    import nanlog, nanlog.plot

    report = nanlog.diagnose("train.log")
    nanlog.plot.overview(report)                      # shown by a notebook
    nanlog.plot.save(nanlog.plot.loss(report, steps=(900, 1100)), "loss.svg")

``steps`` are the first and the last step to be seen, (None, None) for all of them; without it a long end in which no
loss is finite any more is cut where it would leave no room for what was before, and the picture says so.  ``attempt``
is one training of a log that holds several.  All raise :class:`~nanlog.errors.NotLoggedError` where the log has
nothing to draw, and :class:`~nanlog.errors.UsageError` for steps or an attempt that there are none of.

matplotlib is imported when a picture is made, not before.  Its settings are global: draw in one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nanlog.plot._compose import draw, draw_with_characters
from nanlog.plot._pictures import PICTURES, available
from nanlog.plot._save import FORMATS, format_of, save
from nanlog.plot._subject import Steps, around_onset, subject_of
from nanlog.plot._window import show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nanlog.model import Report, Run

__all__ = [
    "FORMATS",
    "PICTURES",
    "Steps",
    "activations",
    "around_onset",
    "available",
    "everything",
    "figure",
    "format_of",
    "grad_norms",
    "in_terminal",
    "loss",
    "lr",
    "overview",
    "params",
    "ratio",
    "save",
    "series",
    "show",
]


def figure(
    what: Report | Run,
    pictures: Sequence[str] = (),
    globs: Sequence[str] = (),
    *,
    steps: Steps | None = None,
    attempt: int | None = None,
) -> Figure:
    """Several pictures over one axis of steps: names of :data:`PICTURES`, and series by their names.

    Without either it is the :func:`overview`.
    """
    return draw(subject_of(what, steps=steps, attempt=attempt), pictures, globs)


def in_terminal(
    what: Report | Run,
    pictures: Sequence[str] = (),
    globs: Sequence[str] = (),
    *,
    steps: Steps | None = None,
    attempt: int | None = None,
    width: int = 80,
    colour: bool = False,
) -> str:
    """What :func:`figure` draws, as text for a terminal of ``width`` columns."""
    subject = subject_of(what, steps=steps, attempt=attempt)
    return draw_with_characters(subject, pictures, globs, width, colour=colour)


def overview(what: Report | Run, *, steps: Steps | None = None, attempt: int | None = None) -> Figure:
    """Loss, learning rate and gradient norm, and the series that went bad first where it is none of them."""
    return figure(what, steps=steps, attempt=attempt)


def everything(what: Report | Run, *, steps: Steps | None = None, attempt: int | None = None) -> Figure:
    """All pictures that the log can give, and its metrics."""
    return figure(what, ("all",), steps=steps, attempt=attempt)


def loss(what: Report | Run, *, steps: Steps | None = None, attempt: int | None = None) -> Figure:
    """The training loss with its parts and averages, and the losses of evaluations."""
    return figure(what, ("loss",), steps=steps, attempt=attempt)


def lr(what: Report | Run, *, steps: Steps | None = None, attempt: int | None = None) -> Figure:
    """The learning rate, of each group of parameters."""
    return figure(what, ("lr",), steps=steps, attempt=attempt)


def grad_norms(what: Report | Run, *, steps: Steps | None = None, attempt: int | None = None) -> Figure:
    """The norm of the gradient, and below it the gradients of each layer, where the log has them."""
    return figure(what, ("grad-norms",), steps=steps, attempt=attempt)


def params(what: Report | Run, *, steps: Steps | None = None, attempt: int | None = None) -> Figure:
    """The sizes of the parameters."""
    return figure(what, ("params",), steps=steps, attempt=attempt)


def activations(what: Report | Run, *, steps: Steps | None = None, attempt: int | None = None) -> Figure:
    """The mean sizes of what the layers put out."""
    return figure(what, ("activations",), steps=steps, attempt=attempt)


def ratio(what: Report | Run, *, steps: Steps | None = None, attempt: int | None = None) -> Figure:
    """How large each update is beside the parameter it changes."""
    return figure(what, ("ratio",), steps=steps, attempt=attempt)


def series(
    what: Report | Run, globs: Sequence[str], *, steps: Steps | None = None, attempt: int | None = None
) -> Figure:
    """The series whose names match one of the patterns, such as ``val/*``; a panel for each quantity."""
    return figure(what, (), globs, steps=steps, attempt=attempt)
