"""The report for people: does it matter and when, why, what now, and what is not known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from nanlog.model import Report, Run, Verdict
from nanlog.report import Answer, Failure, Style
from nanlog.report._calm import cannot_judge, healthy, span
from nanlog.report._next import not_known, notes, what_now
from nanlog.report._page import Page
from nanlog.report._summary import row, summary
from nanlog.report._when import when
from nanlog.report._why import why
from nanlog.report._words import counted, name, place

__all__ = ["REPORTER", "TextReporter"]

_TITLE_LIMIT = 72


class TextReporter:
    """One page for each run, and a table at the end when there is more than one.

    A path that could not be read has only its row in the table: the sentence about it belongs on standard error.
    """

    def write(self, answers: Iterable[Answer], out: TextIO, style: Style) -> None:
        rows = []
        for answer in answers:
            if not isinstance(answer, Failure):
                _report(Page(out, style, _folder(answer.run)), answer)
                out.flush()
            rows.append(row(answer))
        if len(rows) > 1:
            summary(Page(out, style), rows)


def _folder(run: Run) -> str:
    """What the names of the run's files begin with and its title says."""
    if run.source in run.files:
        return run.source[: run.source.rfind("/") + 1]
    return run.source.rstrip("/") + "/"


def _report(page: Page, report: Report) -> None:
    source = report.run.source
    title = "standard input" if source == "-" else place(source, None, _TITLE_LIMIT)
    page.rule(page.text(title, "bold"), _extent(report.run))
    match report.verdict:
        case Verdict.UNHEALTHY:
            when(page, report)
            why(page, report)
            what_now(page, report)
            not_known(page, report)
            notes(page, report)
        case Verdict.HEALTHY:
            healthy(page, report)
        case Verdict.CANNOT_JUDGE:
            cannot_judge(page, report)
    page.blank()


def _extent(run: Run) -> str:
    """What was read: ``caffe, 2 files, 1,204 lines, steps 0 to 99``."""
    parts = [name(run.parser)]
    if len(run.files) > 1:
        parts.append(counted(len(run.files) - len(run.left_out), "file"))
    if run.left_out:
        parts.append(f"{counted(len(run.left_out), 'file')} left out")
    parts.append(counted(run.lines, run.unit))
    if (steps := span(run)) is not None:
        parts.append(f"steps {steps[0]} to {steps[1]}")
    return ", ".join(parts)


REPORTER = TextReporter()
