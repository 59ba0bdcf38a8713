"""The report to paste into an issue: the same answers as the text, as Markdown that GitHub shows as they are meant.

There is no link and no HTML in it, neither from the log nor from nanlog.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from nanlog.engine import undecided
from nanlog.model import Evidence, Report, Verdict
from nanlog.report import Answer, Failure, Style
from nanlog.report._calm import HELP, calm, unjudged
from nanlog.report._clean import SENTENCE_LIMIT
from nanlog.report._literal import code, literal
from nanlog.report._next import in_two, unknown
from nanlog.report._replayed import replay_rows
from nanlog.report._summary import Row, row
from nanlog.report._title import extent, folder
from nanlog.report._when import rows
from nanlog.report._why import in_short, told_apart, unexplained, where
from nanlog.report._words import CAUSES, confirmation, counted, headline, name, place, share

__all__ = ["REPORTER", "MarkdownReporter"]

_OTHERS = 3  #: causes besides the first; all of them when verbose
_UNLIMITED = 4096
_BAR = "\\x7c"  #: what a bar, which ends a cell, becomes in a table

Lines = Iterator[str]


class MarkdownReporter:
    """A section for each run, and a table at the end when there is more than one."""

    def write(self, answers: Iterable[Answer], out: TextIO, style: Style) -> None:
        table = []
        for answer in answers:
            table.append(row(answer))
            lines = _unreadable(answer) if isinstance(answer, Failure) else _report(answer, style)
            out.write("\n".join([*([""] if len(table) > 1 else []), *_headed(table[-1]), *lines, ""]))
            out.flush()
        if len(table) > 1:
            out.write("\n".join(["", *_summary(table), ""]))


class Sheet:
    """Pieces of a line in Markdown; places are cited relative to ``folder`` unless the style is verbose."""

    def __init__(self, style: Style, folder: str) -> None:
        self.verbose = style.verbose
        self._folder = "" if style.verbose else folder

    def text(self, content: str, style: str = "") -> str:
        """What the content says; of all styles only ``bold`` is shown."""
        said = literal(content, _UNLIMITED if self.verbose else SENTENCE_LIMIT)
        return f"**{said}**" if said and style == "bold" else said

    def with_place(self, sentence: str, file: str | None, line: int | None) -> str:
        near = place(None if file is None else file.removeprefix(self._folder), line, _UNLIMITED)
        return f"{sentence} ({code(near, _UNLIMITED)})" if near else sentence

    def cite(self, evidence: Evidence) -> str:
        return self.with_place(self.text(evidence.says), evidence.file, evidence.line)


def _headed(about: Row) -> Lines:
    verdict = ", ".join(filter(None, [about.verdict, about.pattern]))
    yield f"## nanlog: {verdict}{f' at {about.step}' if about.step else ''}"
    yield ""


def _unreadable(failure: Failure) -> Lines:
    yield _source(failure.source)
    yield from ("", literal(failure.error))


def _source(source: str) -> str:
    return "standard input" if source == "-" else code(place(source, None, _UNLIMITED), _UNLIMITED)


def _report(report: Report, style: Style) -> Lines:
    sheet = Sheet(style, folder(report.run))
    yield f"{_source(report.run.source)}: {literal(extent(report.run))}"
    match report.verdict:
        case Verdict.UNHEALTHY:
            yield from _unhealthy(sheet, report)
        case Verdict.HEALTHY:
            yield from _answered("Does it matter?", f"No. {sheet.text(calm(report.run))}")
            yield from _listed("Harmless", _found(sheet, report))
        case Verdict.CANNOT_JUDGE:
            yield from _answered("Does it matter?", sheet.text(unjudged(report.run)))
            yield from _listed("What now?", map(_bullet, map(sheet.text, HELP)))
    yield from _listed("What is not known", map(_bullet, unknown(sheet, report)))
    yield from _listed("Notes", map(_bullet, map(sheet.cite, report.notes)))


def _unhealthy(sheet: Sheet, report: Report) -> Lines:
    onset = report.onset
    if onset is None:
        yield from _answered("Does it matter?", "Yes. Something went wrong, but the log does not show when.")
    else:
        said = " ".join(filter(None, [headline(onset), confirmation(report.findings)]))
        yield from _answered("Does it matter?", f"Yes. {sheet.text(said)}")
        labelled = (_bullet(f"{label}: {body.lstrip()}") for label, body in rows(sheet, report.run, onset))
        yield from _listed("When did it start?", labelled)
    if not report.findings:
        yield from _answered("Why?", unexplained(report))
    yield from _listed("Why?", _found(sheet, report))
    yield from _listed("Replay", (_bullet(f"{label}: {sheet.text(said)}") for label, said in replay_rows(report)))
    yield from _listed("What now?", map(_bullet, _remedies(sheet, report)))
    test = report.findings[0].next_test if report.findings else None
    if test is not None:
        command, reading = in_two(test)
        said = sheet.text(reading).lstrip()
        yield from _answered("Next test", f"{code(command, _UNLIMITED)}: {said}" if command else said)


def _answered(question: str, answer: str) -> Lines:
    yield from ("", f"### {question}", "", answer)


def _listed(heading: str, items: Iterable[str]) -> Lines:
    lines = list(items)
    if lines:
        yield from ("", f"### {heading}", "", *lines)


def _bullet(said: str) -> str:
    return f"- {said.lstrip()}"


def _found(sheet: Sheet, report: Report) -> Lines:
    """The first cause with all evidence, the others with the weightiest sign, which says why they came second."""
    findings = report.findings
    shown = findings if sheet.verbose else findings[: 1 + _OTHERS]
    for rank, finding in enumerate(shown, 1):
        sure = share(finding).replace("<", "&lt;") + (":" if finding.replayed else "")
        yield f"{rank}. **{sure} {CAUSES[finding.cause]}**{sheet.text(where(finding))} {code(name(finding.rule))}"
        signs = [*(("for", item) for item in finding.evidence), *(("against", item) for item in finding.against)]
        if rank > 1 and not sheet.verbose:
            signs = [("for" if speaks_for else "against", item) for speaks_for, item in in_short(finding)]
        for side, item in signs:
            yield f"   - {side}: {sheet.cite(item)}"
    if open_ := undecided(findings):
        yield f"\n{told_apart(report, len(open_))}"
    if len(shown) < len(findings):
        yield f"\n{counted(len(findings) - len(shown), 'less likely cause')} left out."


def _remedies(sheet: Sheet, report: Report) -> Lines:
    remedies = report.findings[0].remedies if report.findings else ()
    yield from map(sheet.text, remedies)
    checkpoint = None if report.onset is None else report.onset.last_good_checkpoint
    if checkpoint is not None and not any(checkpoint in remedy for remedy in remedies):
        yield f"resume from {code(name(checkpoint))}"


def _summary(table: list[Row]) -> Lines:
    yield f"## {counted(len(table), 'run')}"
    yield from ("", "| verdict | onset | pattern | likely cause | run |", "|---|---|---|---|---|")
    for each in table:
        cells = [each.verdict, each.step, each.pattern, literal(each.cause), _source(each.source)]
        yield f"| {' | '.join(cell.replace('|', _BAR) for cell in cells)} |"


REPORTER = MarkdownReporter()
