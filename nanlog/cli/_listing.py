"""The runs of a store, for a terminal and for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from fnmatch import fnmatchcase
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanlog.printable import printable
from nanlog.report._console import console_for
from nanlog.report._words import counted, percent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from nanlog.report import Style
    from nanlog.store import Damaged, StoredRun, Summary

__all__ = ["ago", "as_csv", "as_json", "as_text", "chosen", "nothing"]

_COLOURS = {"healthy": "green", "unhealthy": "red", "cannot judge": "yellow"}
_LONGEST = 1 << 16
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))
_LONG_AGO = 60  #: days after which a date says more
_WIDE = 10_000  #: columns where no window ends a line
_COLUMNS = 7
_GAP = "  "


def chosen(runs: Iterable[StoredRun], glob: str | None, *, unhealthy: bool) -> list[StoredRun]:
    """The runs whose id or source matches; a word without wildcards may stand anywhere in them."""
    pattern = glob if glob is None or has_magic(glob) else f"*{glob}*"
    return [
        run
        for run in runs
        if (not unhealthy or run.summary.verdict == "unhealthy")
        and (pattern is None or any(fnmatchcase(word, pattern) for word in (run.run_id, run.source, run.log or "")))
    ]


def nothing(root: Path, total: int) -> str:
    """Why nothing is listed, and what to type."""
    if not total:
        return f"The store {printable(str(root))} is empty. This puts a run in: nanlog diagnose train.log"
    return f"None of the {total} runs in {printable(str(root))} is of that kind. All of them: nanlog runs"


def as_text(runs: Sequence[StoredRun], style: Style, now: datetime, *, window: bool) -> str:
    """One line for each run; three where that does not fit into the ``window`` of a terminal.  Nothing is cut."""
    rows = [_row(run, now) for run in runs]
    widths = [max((row[column].cell_len for row in rows), default=0) for column in range(_COLUMNS)]
    out = io.StringIO()
    console = console_for(out, _WIDE, colour=style.colour)
    narrow = window and sum(widths) + len(_GAP) * (_COLUMNS - 1) > style.width
    for row in rows:
        for line in _lines(console, row, style.width) if narrow else [_line(row, widths)]:
            line.rstrip()
            console.print(line, soft_wrap=True)
    return out.getvalue()


def as_json(root: Path, runs: Sequence[StoredRun], damaged: Sequence[Damaged]) -> str:
    entries = [asdict(entry) for entry in damaged]
    return json.dumps(
        {"schema_version": 1, "store": str(root), "runs": [*map(_record, runs)], "damaged": entries}, indent=1
    )


def as_csv(runs: Sequence[StoredRun]) -> str:
    """The fields of the JSON, empty for null; control characters are escaped."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_FIELDS)
    for run in runs:
        values = _record(run).values()
        writer.writerow(printable(value, _LONGEST) if isinstance(value, str) else value for value in values)
    return out.getvalue()


_FIELDS = (
    "run_id", "verdict", "pattern", "step", "departure_step", "cause", "confidence", "confirmed", "source", "log",
    "parser", "points", "lines", "saved_at", "folder",
)  # fmt: skip


def _record(run: StoredRun) -> dict[str, Any]:
    known = {
        **asdict(run.summary), "run_id": run.run_id, "source": run.source, "log": run.log, "parser": run.parser,
        "points": run.points, "lines": run.lines, "saved_at": run.saved_at.isoformat(), "folder": str(run.path),
    }  # fmt: skip
    return {key: known[key] for key in _FIELDS}


def ago(then: datetime, now: datetime) -> str:
    """``3 hours ago``; a date where that is long, or lies ahead because a clock is wrong."""
    seconds = (now - then).total_seconds()
    if not -60 < seconds < _LONG_AGO * 86400:
        return then.astimezone().date().isoformat()
    for unit, size in _UNITS:
        if (count := int(seconds // size)) > 0:
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"


def _row(run: StoredRun, now: datetime) -> list[Text]:
    """Id, verdict, what happened, first cause, when saved, what was read, where."""
    from rich.text import Text

    said = run.summary
    verdict = (said.verdict or "not judged").replace("_", " ")
    what = cause = ""
    if said.verdict == "unhealthy":
        what = " ".join([(said.pattern or "").replace("_", " "), *_when(said)])
        share = "" if said.confidence is None else f"{percent(said.confidence)} "
        cause = f"confirmed {said.confirmed}" if said.confirmed else "" if said.cause is None else share + said.cause
    cells = (
        (run.run_id, "bold"),
        (verdict, _COLOURS.get(verdict, "")),
        (what, ""),
        (cause, ""),
        (ago(run.saved_at, now), "dim"),
        (f"{run.parser}, {counted(run.points, 'point')}", "dim"),
        ("standard input" if run.source == "-" else run.source, "dim"),
    )
    # as a span, not as the text's own style, which would spread to what is added to it
    return [Text().append(printable(content), style) for content, style in cells]


def _when(said: Summary) -> Iterator[str]:
    if said.step is not None:
        yield f"at step {said.step}"
    elif said.departure_step is not None:
        yield f"from step {said.departure_step}"


def _line(row: list[Text], widths: list[int]) -> Text:
    from rich.text import Text

    line = Text()
    for cell, width in zip(row, widths, strict=True):
        padding = " " * (width - cell.cell_len)
        line = line + cell + Text(padding + _GAP)
    return line


def _lines(console: Console, row: list[Text], width: int) -> Iterator[Text]:
    """The name and when it was saved; what happened; what was read."""
    from rich.text import Text

    name, verdict, what, cause, when, read, source = row
    room = width - name.cell_len - when.cell_len
    yield from (name + Text(" " * max(room, len(_GAP))) + when).wrap(console, width, overflow="fold")
    for parts in ([verdict, what, cause], [read, source]):
        body = Text(_GAP).join(cell for cell in parts if cell)
        for line in body.wrap(console, max(width - len(_GAP), 20), overflow="fold"):
            yield Text(_GAP) + line
