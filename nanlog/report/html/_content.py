"""Report and extras as what the template shows: every text is ``Markup`` by now, or is escaped when it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from nanlog import __version__
from nanlog.model import Evidence, Finding, Report, Verdict
from nanlog.report._calm import HELP, calm, unjudged
from nanlog.report._next import unknown
from nanlog.report._title import extent, folder
from nanlog.report._when import rows
from nanlog.report._why import where
from nanlog.report._words import CAUSES, counted, headline, name, percent
from nanlog.report.html._facts import MOST, all_facts, settings
from nanlog.report.html._replay import Judged, judged, replayed
from nanlog.report.html._sheet import Sheet
from nanlog.report.html._values import Excerpt, Extras
from nanlog.report.html._when import MOST_SERIES, around, went

__all__ = ["content"]

_VERDICTS = {
    Verdict.UNHEALTHY: ("Unhealthy", "bad", "Yes."),
    Verdict.HEALTHY: ("Healthy", "good", "No."),
    Verdict.CANNOT_JUDGE: ("Cannot judge", "open", "The log does not say."),
}
_LOST = "Something went wrong, but the log does not show when."
_MOST = 100  #: findings, signs of each, remarks


@dataclass(frozen=True, slots=True)
class Sign:
    """A sentence for or against a cause, where it stands and the lines there."""

    says: Markup
    place: Markup
    speaks_for: bool
    excerpt: Excerpt | None


@dataclass(frozen=True, slots=True)
class Told:
    """A cause; ``width`` is its share in percent for the bar, ``tried`` what a replay made of it."""

    cause: str
    share: str
    width: str
    about: Markup
    rule: Markup
    signs: tuple[Sign, ...]
    remedies: tuple[Markup, ...]
    test: Markup
    tried: Judged | None


def content(report: Report, extras: Extras) -> dict[str, Any]:
    """The variables of ``page.html``."""
    run, onset = report.run, report.onset
    near = folder(run)
    sheet = Sheet(report, near)
    word, tone, answer = _VERDICTS[report.verdict]
    source = "standard input" if run.source == "-" else run.source
    tried = () if extras.replay is None else judged(sheet, extras.replay)
    unhealthy = report.verdict is Verdict.UNHEALTHY
    shown = onset if onset is not None and (unhealthy or onset.order) else None
    return {
        "version": __version__,
        "title": source.rstrip("/").rpartition("/")[2] or source,
        "source": Markup("/<wbr>").join(map(sheet.text, source.split("/")))
        if len(source) < 400
        else sheet.text(source),
        "extent": sheet.text(extent(run)),
        "verdict": {"word": word, "tone": tone, "answer": answer, "says": sheet.text(_says(report))},
        "when": [(label, body) for label, body in rows(sheet, run, shown)] if shown is not None else [],
        "onset_excerpt": None if shown is None else _excerpt(extras, shown.file, shown.line),
        "went": [] if shown is None else list(went(sheet, shown)),
        "went_more": 0 if shown is None else max(0, len(shown.order) - MOST_SERIES),
        "around": None if shown is None else around(run, shown),
        "causes": [_told(sheet, finding, extras, tried) for finding in report.findings[:_MOST]],
        "unhealthy": unhealthy,
        "checkpoint": _checkpoint(sheet, report),
        "help": HELP if report.verdict is Verdict.CANNOT_JUDGE else (),
        "replay": None if extras.replay is None else replayed(sheet, extras.replay),
        "confirmed": [CAUSES[finding.cause] for finding in report.findings if _confirmed(finding, tried)],
        "unknown": [*unknown(sheet.at_length(), report), *map(sheet.text, _remarks(extras))],
        "notes": [_sign(sheet, note, extras, speaks_for=True) for note in report.notes[:_MOST]],
        "settings": list(settings(sheet, run)),
        "facts": list(all_facts(sheet, run.facts)),
        "facts_more": max(0, len(run.facts) - MOST),
        "files": [sheet.text(file.removeprefix(near)) for file in run.files[:_MOST]],
        "attempts": [sheet.text(text) for text in _attempts(report)],
        "extras": extras,
        "percent": percent,
        "counted": counted,
        "sheet": sheet,
    }


def _says(report: Report) -> str:
    match report.verdict:
        case Verdict.UNHEALTHY:
            return _LOST if report.onset is None else headline(report.onset)
        case Verdict.HEALTHY:
            return calm(report.run)
        case Verdict.CANNOT_JUDGE:
            return unjudged(report.run)


def _told(sheet: Sheet, finding: Finding, extras: Extras, tried: Iterable[Judged]) -> Told:
    share = min(max(finding.confidence, 0.0), 1.0) if finding.confidence == finding.confidence else 0.0
    signs = [(item, True) for item in finding.evidence[:_MOST]] + [(item, False) for item in finding.against[:_MOST]]
    return Told(
        CAUSES[finding.cause],
        percent(finding.confidence),
        f"{100 * share:.1f}",
        sheet.text(where(finding).strip()),
        sheet.text(name(finding.rule)),
        tuple(_sign(sheet, item, extras, speaks_for=side) for item, side in signs),
        tuple(map(sheet.text, finding.remedies[:_MOST])),
        sheet.text(finding.next_test or ""),
        next((each for each in tried if each.cause == finding.cause), None),
    )


def _confirmed(finding: Finding, tried: Iterable[Judged]) -> bool:
    return any(each.cause == finding.cause and each.verdict == "confirmed by replay" for each in tried)


def _sign(sheet: Sheet, item: Evidence, extras: Extras, *, speaks_for: bool) -> Sign:
    excerpt = _excerpt(extras, item.file, item.line)
    return Sign(sheet.text(item.says), sheet.place(item.file, item.line), speaks_for, excerpt)


def _excerpt(extras: Extras, file: str | None, line: int | None) -> Excerpt | None:
    return None if file is None or line is None else extras.excerpts.get((file, line))


def _checkpoint(sheet: Sheet, report: Report) -> Markup | None:
    """The last good checkpoint, unless a remedy names it."""
    last = None if report.onset is None else report.onset.last_good_checkpoint
    remedies = report.findings[0].remedies if report.findings else ()
    return None if last is None or any(last in remedy for remedy in remedies) else sheet.text(name(last))


def _remarks(extras: Extras) -> Iterator[str]:
    yield from (f"No lines of {name(file)} are quoted: {why}" for file, why in sorted(extras.unquoted.items()))
    yield from extras.remarks


def _attempts(report: Report) -> Iterator[str]:
    """One sentence for each training in the log, where there are several."""
    attempts = report.run.attempts if len(report.run.attempts) > 1 else ()
    for ordinal, attempt in enumerate(attempts[:_MOST], 1):
        steps = "undated" if attempt.first_step is None else f"steps {attempt.first_step} to {attempt.last_step}"
        resumed = "" if attempt.resumed_from is None else f", resumed from {name(attempt.resumed_from)}"
        yield f"{ordinal}: {steps}, lines {attempt.first_line:,} to {attempt.last_line:,}{resumed}"
