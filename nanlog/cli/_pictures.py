"""What ``nanlog plot`` is asked for, and where the picture goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from nanlog.cli._new_file import named_after, new_file
from nanlog.errors import UsageError
from nanlog.plot import PICTURES, Steps, around_onset, figure, format_of, save

if TYPE_CHECKING:
    from nanlog.cli._runs import Chosen
    from nanlog.model import Report

__all__ = ["Request", "draw", "wanted"]


@dataclass(frozen=True, slots=True)
class Request:
    """The options, checked against one another."""

    pictures: tuple[str, ...]
    globs: tuple[str, ...]
    steps: Steps | None
    around: int | None
    attempt: int | None
    out: str | None
    force: bool
    where: str  #: ``file``, ``window`` or ``terminal``

    @property
    def name(self) -> str:
        """What the picture shows, as a part of a file's name."""
        return "-".join((*self.pictures, *(["series"] if self.globs else []))) or "overview"


def wanted(options: Mapping[str, Any]) -> Request:
    """What the options ask for; raises ``UsageError`` where they contradict one another, before anything is read."""
    if options["steps"] is not None and options["around_onset"] is not None:
        raise UsageError("--steps and --around-onset both say which steps to show: give one of them")
    where = [way for way in ("show", "terminal") if options[way]]
    if len(where) + (options["out"] is not None) > 1:
        raise UsageError("--out, --show and --terminal each say where the picture goes: give one of them")
    if options["out"] is not None:
        format_of(options["out"])
    pictures = ("all",) if options["all"] else tuple(name for name in PICTURES if options[name.replace("-", "_")])
    return Request(
        pictures,
        options["globs"],
        options["steps"],
        options["around_onset"],
        options["attempt"],
        options["out"],
        options["force"],
        {"show": "window", "terminal": "terminal"}[where[0]] if where else "file",
    )


def draw(chosen: Chosen, request: Request) -> None:
    """Make the picture and put it where it is wanted; a file is named on standard error."""
    report = chosen.report
    steps = request.steps if request.around is None else around_onset(report, request.around)
    if request.where == "terminal":
        _print(report, request, steps)
        return
    drawn = partial(figure, report, request.pictures, request.globs, steps=steps, attempt=request.attempt)
    if request.where == "window":
        from nanlog.plot import show

        show(drawn())
        return
    path = request.out or named_after(chosen, f"-{request.name}.png")
    with new_file(path, chosen, force=request.force) as file:
        save(drawn(), file, format_of(path))
    click.echo(f"the picture is in {click.format_filename(path)}", err=True)


def _print(report: Report, request: Request, steps: Steps | None) -> None:
    from nanlog.cli._output import report_stream, style_for
    from nanlog.plot import in_terminal

    with report_stream(None, ()) as out:
        look = style_for(out, "auto", verbose=False)
        drawn = in_terminal(
            *(report, request.pictures, request.globs),
            steps=steps,
            attempt=request.attempt,
            width=look.width,
            colour=look.colour,
        )
        print(drawn, file=out)
