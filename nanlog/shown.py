"""How runs and reports show themselves at a Python prompt and in a notebook: small, and inert whatever a log holds."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from nanlog.printable import NAME_LIMIT, SENTENCE_LIMIT, printable

if TYPE_CHECKING:
    from nanlog.model import Finding, Onset, Report, Run, Series

__all__ = ["report_as_html", "report_as_text", "report_in_short", "run_in_short", "series_in_short"]

_CAUSES = 3  #: so many causes are named
_COLOURS = {"healthy": "#1a7f37", "unhealthy": "#b3261e", "cannot_judge": "#8a6100"}


def series_in_short(series: Series) -> str:
    return f"<Series {printable(series.name, NAME_LIMIT)}: {_counted(len(series), 'point')}>"


def run_in_short(run: Run) -> str:
    points = _counted(sum(map(len, run.table.values())), "point")
    return f"<Run {_source(run)}: {printable(run.parser, NAME_LIMIT)}, {len(run.table)} series, {points}>"


def report_in_short(report: Report) -> str:
    said = ", ".join([_words(report.verdict), *_onset(report.onset)[:1]])
    return f"<Report {_source(report.run)}: {said}>"


def report_as_text(report: Report) -> str:
    """One line on what happened, and one for each of the likeliest causes."""
    causes = [f"  {share} {cause}: {because}" for share, cause, because in _causes(report)]
    return "\n".join([f"{_source(report.run)}: " + ", ".join([_words(report.verdict), *_onset(report.onset)]), *causes])


def report_as_html(report: Report) -> str:
    """A table of three rows or so, in the colours of the notebook but for the verdict."""
    verdict = f'<b style="color:{_COLOURS[report.verdict.value]}">{escape(_words(report.verdict))}</b>'
    rows = [("verdict", verdict), ("log", escape(_source(report.run)))]
    rows += [("what", escape(", ".join(onset)))] if (onset := _onset(report.onset)) else []
    for finding, (share, cause, because) in zip(report.findings, _causes(report), strict=False):
        now = f"<br><i>{escape(printable(finding.remedies[0]))}</i>" if finding.remedies else ""
        rows.append((share, f"<b>{escape(cause)}</b>: {escape(because)}{now}"))
    cell = "text-align:left;vertical-align:top"
    body = "".join(
        f'<tr><th style="{cell}">{escape(head)}</th><td style="{cell}">{row}</td></tr>' for head, row in rows
    )
    return f"<table>{body}</table>"


def _onset(onset: Onset | None) -> list[str]:
    """What happened, where it was first seen, and what was still good."""
    if onset is None or (onset.series is None and onset.step is None):
        return []
    when = "" if onset.step is None else f" at step {onset.step}"
    said = [_words(onset.pattern) + when]
    if onset.series is not None and onset.value is not None:
        said.append(f"{printable(onset.series, NAME_LIMIT)} = {_number(onset.value)}")
    if onset.file is not None and onset.line is not None:
        said.append(f"{printable(onset.file, NAME_LIMIT)}:{onset.line}")
    if onset.last_good_checkpoint is not None:
        said.append(f"good checkpoint {printable(onset.last_good_checkpoint, NAME_LIMIT)}")
    return said


def _causes(report: Report) -> Iterator[tuple[str, str, str]]:
    """Share, cause and the weightiest evidence."""
    for finding in report.findings[:_CAUSES]:
        yield f"{finding.confidence:.0%}", _words(finding.cause), _because(finding)


def _because(finding: Finding) -> str:
    return printable(finding.evidence[0].says, SENTENCE_LIMIT) if finding.evidence else ""


def _source(run: Run) -> str:
    return "standard input" if run.source == "-" else printable(run.source, NAME_LIMIT)


def _words(value: str) -> str:
    return value.replace("_", " ")


def _number(value: float) -> str:
    return (
        "NaN"
        if value != value
        else f"{value:+.6g}".replace("inf", "Inf")
        if abs(value) == float("inf")
        else f"{value:.6g}"
    )


def _counted(amount: int, noun: str) -> str:
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"
