"""The report for people: does it matter and when, why, what now, and what is not known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from nanlog.model import Report, Verdict
from nanlog.report import Answer, Failure, Style
from nanlog.report._calm import cannot_judge, healthy
from nanlog.report._next import not_known, notes, what_now
from nanlog.report._page import Page
from nanlog.report._replayed import replayed
from nanlog.report._summary import row, summary
from nanlog.report._title import extent, folder
from nanlog.report._when import when
from nanlog.report._why import why
from nanlog.report._words import place

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
                _report(Page(out, style, folder(answer.run)), answer)
                out.flush()
            rows.append(row(answer))
        if len(rows) > 1:
            summary(Page(out, style), rows)


def _report(page: Page, report: Report) -> None:
    source = report.run.source
    title = "standard input" if source == "-" else place(source, None, _TITLE_LIMIT)
    page.rule(page.text(title, "bold"), extent(report.run))
    match report.verdict:
        case Verdict.UNHEALTHY:
            when(page, report)
            why(page, report)
            replayed(page, report)
            what_now(page, report)
            not_known(page, report)
            notes(page, report)
        case Verdict.HEALTHY:
            healthy(page, report)
        case Verdict.CANNOT_JUDGE:
            cannot_judge(page, report)
    page.blank()


REPORTER = TextReporter()
