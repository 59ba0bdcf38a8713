"""What ``nanlog plot`` is asked for, and where the picture goes."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
    picture = figure(report, request.pictures, request.globs, steps=steps, attempt=request.attempt)
    if request.where == "window":
        from nanlog.plot import show

        show(picture)
        return
    path = Path(request.out or f"{chosen.run_id or _slug(report.run.source)}-{request.name}.png")
    form = format_of(path.name)
    drawn = io.BytesIO()
    save(picture, drawn, form)
    _write(path, drawn.getvalue(), report, force=request.force)
    click.echo(f"the picture is in {click.format_filename(path)}", err=True)


def _slug(source: str) -> str:
    """A part of a file's name for a run that is not in the store."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(source).name)[:60].strip("-.") or "run"


def _write(path: Path, content: bytes, report: Report, *, force: bool) -> None:
    """Write a new file, or replace one with ``force``; never a file of the run itself."""
    sources = (report.run.source, *report.run.files)
    if path.exists() and any(Path(source).exists() and path.samefile(source) for source in sources):
        raise UsageError(f"--out {path} would overwrite the log itself: name another file")
    try:
        with path.open("wb" if force else "xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: --force replaces it, --out FILE writes elsewhere") from error
    except OSError as error:
        raise UsageError(f"the picture could not be written to {path} ({error.strerror}): name another file") from error


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
