"""The table at the end of several reports."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanlog.model import Verdict
from nanlog.report import Answer, Failure
from nanlog.report._words import counted, percent, place

if TYPE_CHECKING:
    from nanlog.report._page import Page

__all__ = ["Row", "row", "summary"]

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
        "" if onset.step is None else f"step {onset.step}",
        onset.pattern.value.replace("_", " "),
        "" if first is None else f"{first.cause.value.replace('_', ' ')} {percent(first.confidence)}",
    )


def summary(page: Page, rows: list[Row]) -> None:
    """One line for each run; the path comes last, where it may be as long as it likes."""
    tally = Counter(row.verdict for row in rows)
    said = ", ".join(f"{tally[verdict]} {verdict}" for verdict in _COLOURS if tally[verdict])
    page.rule(page.text(counted(len(rows), "run"), "bold"), said)
    page.blank()
    columns = [[row.verdict, row.step, row.pattern, row.cause] for row in rows]
    widths = [max(len(cells[k]) for cells in columns) for k in range(4)]
    for row, cells in zip(rows, columns, strict=True):
        lead = page.text("  ")
        for cell, width, style in zip(cells, widths, (_COLOURS[row.verdict], "", "", ""), strict=True):
            if width:
                lead += page.text(cell.ljust(width) + "  ", style)
        source = "standard input" if row.source == "-" else place(row.source, None, _PATH_LIMIT)
        page.item(page.text(source), lead=lead, indent=lead.cell_len)
