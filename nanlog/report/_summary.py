"""The table at the end of several reports."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanlog.model import Onset, Verdict
from nanlog.report import Answer, Failure
from nanlog.report._words import counted, place, share

if TYPE_CHECKING:
    from nanlog.report._page import Page

__all__ = ["Row", "row", "shared", "summary"]

_COLOURS = {"unhealthy": "red", "healthy": "green", "cannot judge": "yellow", "not read": "yellow"}
_PATH_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """What remains of an answer when the run it came from is gone."""

    source: str
    verdict: str
    step: str = ""
    pattern: str = ""
    cause: str = ""


def row(answer: Answer) -> Row:
    if isinstance(answer, Failure):
        return Row(answer.source, "not read")
    verdict = answer.verdict.value.replace("_", " ")
    onset = answer.onset
    if answer.verdict is not Verdict.UNHEALTHY or onset is None:
        return Row(answer.run.source, verdict)
    first = answer.findings[0] if answer.findings else None
    return Row(
        answer.run.source,
        verdict,
        "" if (step := _step(onset)) is None else f"step {step}",
        onset.pattern.value.replace("_", " "),
        "" if first is None else f"{first.cause.value.replace('_', ' ')} {share(first)}",
    )


def _step(onset: Onset) -> int | None:
    return onset.departure_step if onset.step is None else onset.step


def summary(page: Page, rows: list[Row]) -> None:
    """One line for each run; what its path shares with all others stands in the title."""
    tally = Counter(each.verdict for each in rows)
    said = ", ".join(f"{tally[verdict]} {verdict}" for verdict in _COLOURS if tally[verdict])
    start, end = shared([each.source for each in rows])
    title = page.text(counted(len(rows), "run"), "bold")
    page.rule(title + page.text(f" of {place(f'{start}*{end}', None, _PATH_LIMIT)}") if start or end else title, said)
    page.blank()
    columns = [[each.verdict, each.step, each.pattern, each.cause] for each in rows]
    widths = [max(len(cells[k]) for cells in columns) for k in range(4)]
    sources = [place(each.source.removeprefix(start).removesuffix(end), None, _PATH_LIMIT) for each in rows]
    if sum(widths) + 10 + max(map(len, sources)) > page.width:
        widths[2] = 0  # the pattern is what can best be done without
    for each, cells, source in zip(rows, columns, sources, strict=True):
        lead = page.text("  ")
        for cell, width, style in zip(cells, widths, (_COLOURS[each.verdict], "", "", ""), strict=True):
            if width:
                lead += page.text(cell.ljust(width) + "  ", style)
        page.item(page.text("standard input" if source == "-" else source), lead=lead, indent=lead.cell_len)


def shared(sources: list[str]) -> tuple[str, str]:
    """The folders that all paths begin with and the names that all end with; each path keeps a part of its own."""
    parts = [source.split("/") for source in sources]
    shortest = min(map(len, parts)) - 1
    first = parts[0]
    before = next((k for k in range(shortest) if any(p[k] != first[k] for p in parts)), shortest)
    room = shortest - before
    after = next((k for k in range(room) if any(p[-1 - k] != first[-1 - k] for p in parts)), room)
    return "".join(f"{part}/" for part in first[:before]), "".join(f"/{part}" for part in first[len(first) - after :])
