"""One HTML file of one run: what goes on it is gathered here, and written to where the user wants it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nanlog.cli._group import complain
from nanlog.errors import UnreadableError

if TYPE_CHECKING:
    from nanlog.cli._runs import Chosen
    from nanlog.report.html import Command, Excerpt, Extras

__all__ = ["extras_of", "open_page", "write_page"]

Quoted = tuple[dict[tuple[str, int], "Excerpt"], dict[str, str], tuple[str, ...]]


def extras_of(chosen: Chosen) -> Extras:
    """Everything a page shows besides the report."""
    from nanlog.cli._page_pictures import pictures_of
    from nanlog.report.html import Extras

    excerpts, unquoted, remarks = _excerpts(chosen)
    pictures = list(pictures_of(chosen.report))
    word = chosen.run_id or chosen.run.source
    return Extras(
        run_id=chosen.run_id,
        command=shlex.join(["nanlog", "report", "--html", word]),
        overview=next(iter(pictures), None),
        pictures=tuple(pictures[1:]),
        excerpts=excerpts,
        unquoted=unquoted,
        commands=tuple(_commands(chosen, word)),
        remarks=remarks,
    )


def write_page(chosen: Chosen, text: str, out: str | None, *, force: bool) -> Path | None:
    """Write the page to ``out`` (``<run id>.html`` where that is None), to standard output for ``-``; returns the file.

    Raises what :func:`nanlog.cli._new_file.new_file` does.
    """
    from nanlog.cli._new_file import named_after, new_file

    path = out or named_after(chosen, ".html")
    with new_file(path, chosen, force=force) as file:
        file.write(text.encode())
    return None if out == "-" else Path(path)


def open_page(path: Path) -> None:
    """Show the file in the browser of the user, where there is one."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        complain(f"no browser could be started; the report is in {path}")


def _excerpts(chosen: Chosen) -> Quoted:
    """Excerpts by place, why a file has none, and what is to be said about all of them."""
    from nanlog.report.html import excerpts
    from nanlog.source import open_source

    if chosen.run.source == "-":
        return {}, {"standard input": "nothing of it is kept"}, ()
    try:
        source = open_source(chosen.run.source)
    except UnreadableError:
        return {}, {chosen.run.source: "it is not where it was read, as seen from this folder"}, ()
    found, refused = excerpts(chosen.report, source)
    return found, refused, tuple(_rewritten(chosen, sorted({file for file, _ in found})))


def _rewritten(chosen: Chosen, files: list[str]) -> Iterator[str]:
    """A run of the store may be older than what its files hold now."""
    if chosen.run_id is None:
        return
    from nanlog.store.entries import entry

    saved = entry(chosen.root, chosen.run_id).saved_at
    for file in files:
        try:
            written = datetime.fromtimestamp(Path(file).stat().st_mtime, UTC)
        except OSError:
            continue
        if written > saved:
            yield f"{file} was written to after it was diagnosed: what is quoted is what stands there now"


def _commands(chosen: Chosen, word: str) -> Iterator[Command]:
    """What to type next."""
    from nanlog.model import Verdict
    from nanlog.report.html import Command

    report = chosen.report
    if report.verdict is not Verdict.UNHEALTHY:
        return
    if report.findings:
        rule = report.findings[0].rule
        yield Command("More about this cause, and when nanlog may be wrong:", shlex.join(["nanlog", "explain", rule]))
    line = ["nanlog", "plot", word, "--all", "--around-onset", "20"]
    yield Command("To see every series around the onset:", shlex.join(line))
