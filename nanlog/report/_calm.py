"""The short answers: nothing harmful happened, or nothing can be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanlog.model import Report, Run
from nanlog.report._next import not_known, notes
from nanlog.report._when import badge
from nanlog.report._words import CAUSES, counted, name

if TYPE_CHECKING:
    from nanlog.report._page import Page

__all__ = ["HELP", "calm", "cannot_judge", "healthy", "span", "unjudged"]

_EVIDENCE = 2
#: What a log needs to be judged.
HELP = (
    "Give the whole log, from the start of the training to its end, with the loss in it.",
    "If another dialect than this was meant, name it with --format-in.",
)


def span(run: Run) -> tuple[int, int] | None:
    """First and last step over all attempts; None where the log dates nothing."""
    first = [attempt.first_step for attempt in run.attempts if attempt.first_step is not None]
    last = [attempt.last_step for attempt in run.attempts if attempt.last_step is not None]
    return (min(first), max(last)) if first and last else None


def calm(run: Run) -> str:
    """That nothing harmful happened, and in how much of a log."""
    steps = span(run)
    extent = f"in {counted(run.lines, run.unit)}" if steps is None else f"from step {steps[0]} to step {steps[1]}"
    attempts = f", in {len(run.attempts)} attempts" if len(run.attempts) > 1 else ""
    return f"No NaN that matters {extent}{attempts}."


def unjudged(run: Run) -> str:
    """Why nothing can be said."""
    if run.table:
        logged = f"The {counted(len(run.table), 'series', 'series')} in this log"
        return f"{logged} cannot tell whether the training is healthy."
    if run.facts:
        return f"There are {counted(len(run.facts), 'setting')} here and no log: only hazards can be named."
    return f"There is no training value in the {counted(run.lines, 'line')} read as {name(run.parser)}."


def healthy(page: Page, report: Report) -> None:
    """One sentence, then what is non-finite and harmless, then hazards."""
    run = report.run
    badge(page, "HEALTHY", "green", calm(run))
    if report.findings:
        page.heading("Harmless")
    for finding in report.findings:
        page.item(page.text(f"{CAUSES[finding.cause]}") + page.text(f"  [{name(finding.rule)}]", "dim"))
        for item in finding.evidence if page.verbose else finding.evidence[:_EVIDENCE]:
            page.item(page.cite(item), lead=page.text("    +", "green"), indent=6)
    notes(page, report)
    if page.verbose or run.unread_count or run.left_out:
        not_known(page, report)


def cannot_judge(page: Page, report: Report) -> None:
    """Why not, and what to provide."""
    badge(page, "CANNOT JUDGE", "yellow", unjudged(report.run))
    if report.run.facts and not report.run.table and not report.notes:
        page.blank()
        page.item(page.text("None of them is a hazard that nanlog knows."))
    notes(page, report)
    not_known(page, report)
    page.heading("What now")
    for advice in HELP:
        page.item(page.text(advice))
