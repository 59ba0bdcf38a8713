"""The short answers: nothing harmful happened, or nothing can be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanlog.model import Report, Run
from nanlog.report._next import not_known, notes
from nanlog.report._when import badge
from nanlog.report._words import CAUSES, counted, name

if TYPE_CHECKING:
    from nanlog.report._page import Page

__all__ = ["cannot_judge", "healthy", "span"]

_EVIDENCE = 2


def span(run: Run) -> tuple[int, int] | None:
    """First and last step over all attempts; None where the log dates nothing."""
    first = [attempt.first_step for attempt in run.attempts if attempt.first_step is not None]
    last = [attempt.last_step for attempt in run.attempts if attempt.last_step is not None]
    return (min(first), max(last)) if first and last else None


def healthy(page: Page, report: Report) -> None:
    """One sentence, then what is non-finite and harmless, then hazards."""
    run = report.run
    steps = span(run)
    extent = f"in {counted(run.lines, run.unit)}" if steps is None else f"from step {steps[0]} to step {steps[1]}"
    attempts = f", in {len(run.attempts)} attempts" if len(run.attempts) > 1 else ""
    badge(page, "HEALTHY", "green", f"No NaN that matters {extent}{attempts}.")
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
    run = report.run
    if run.table:
        logged = f"The {counted(len(run.table), 'series', 'series')} in this log"
        badge(page, "CANNOT JUDGE", "yellow", f"{logged} cannot tell whether the training is healthy.")
    else:
        said = f"There is no training value in the {counted(run.lines, 'line')} read as {name(run.parser)}."
        badge(page, "CANNOT JUDGE", "yellow", said)
    notes(page, report)
    not_known(page, report)
    page.heading("What now")
    page.item(page.text("Give the whole log, from the start of the training to its end, with the loss in it."))
    page.item(page.text("If another dialect than this was meant, name it with --format-in."))
