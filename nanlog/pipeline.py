"""The whole way from a path to a report, and into the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nanlog.engine import diagnose_run
from nanlog.errors import UnreadableError
from nanlog.model import Report
from nanlog.registry import choose
from nanlog.report import Answer, Failure
from nanlog.report.as_json import as_dict
from nanlog.source import open_source
from nanlog.store import collect, save

__all__ = ["Progress", "answer", "diagnose", "keep"]

Progress = Callable[[int], object]  #: called with the size of each piece of text that was read, in bytes


def diagnose(path: str, format_in: str | None = None, progress: Progress | None = None) -> Report:
    """Return the report for one run: a file, a folder whose files belong together, or ``-`` for standard input.

    ``format_in`` names the dialect; without it the dialect is recognised.  Raises
    :class:`~nanlog.errors.UnreadableError` when the run cannot be opened or recognised and
    :class:`~nanlog.errors.UsageError` for an unknown dialect; what the log says never raises.
    """
    source = open_source(path)
    choice = choose(source, format_in)
    return diagnose_run(collect(source, choice.readings, choice.left_out, progress))


def answer(path: str, format_in: str | None = None, progress: Progress | None = None) -> Answer:
    """Like :func:`diagnose`, but a path that cannot be read is an answer too: it must not end the others."""
    try:
        return diagnose(path, format_in, progress)
    except UnreadableError as error:
        return Failure(path, str(error))


def keep(report: Report, root: Path) -> None:
    """Save what was read and what was found; raises :class:`~nanlog.errors.StoreError`."""
    save(report.run, as_dict(report), root)
