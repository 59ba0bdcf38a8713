"""Where a report goes, and how it may look there."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from nanlog.errors import UsageError
from nanlog.report import PLAIN_WIDTH, Style

__all__ = ["report_stream", "style_for"]


@contextmanager
def report_stream(output: str | None, sources: Sequence[str]) -> Iterator[TextIO]:
    """Yield what to write a report to: standard output, or the file ``output``, written when all is done.

    Raises :class:`~nanlog.errors.UsageError` when the file cannot be written or is one of ``sources``.
    """
    if output is None or output == "-":
        yield _standard_output()
        return
    if any(_same(output, source) for source in sources):
        raise UsageError(f"--output {output} would overwrite the log that is to be read: name another file.")
    text = io.StringIO()
    yield text
    try:
        Path(output).write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"the report could not be written to {output} ({error.strerror}): name another file."
        ) from error


def _same(output: str, source: str) -> bool:
    return Path(output).exists() and Path(source).exists() and Path(output).samefile(source)


def _standard_output() -> TextIO:
    """The same bytes in every locale; a terminal that lacks a character shows a question mark for it."""
    if sys.stdout is None:
        raise UsageError("standard output is closed: name a file with --output")
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")
    return sys.stdout


def style_for(out: TextIO, colour: str, *, verbose: bool) -> Style:
    """Colour and the width of the window on a terminal; elsewhere plain text of a fixed width.

    ``colour`` is ``auto``, ``always`` or ``never``; ``auto`` respects NO_COLOR (https://no-color.org).
    """
    terminal = out.isatty()
    able = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns if terminal else PLAIN_WIDTH
    return Style(verbose=verbose, colour=able if colour == "auto" else colour == "always", width=width)
