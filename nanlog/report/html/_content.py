"""Report and extras as what the template shows: every text is ``Markup`` by now, or is escaped when it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from nanlog import __version__
from nanlog.engine import undecided
from nanlog.model import Onset, Report, Run, Verdict
from nanlog.report._calm import HELP, calm, unjudged
from nanlog.report._next import unknown
from nanlog.report._title import extent, folder
from nanlog.report._when import rows
from nanlog.report._why import told_apart, unexplained
from nanlog.report._words import confirmation, counted, headline, name
from nanlog.report.html._causes import excerpt_at, sign, told
from nanlog.report.html._facts import MOST, all_facts, settings
from nanlog.report.html._replay import replayed
from nanlog.report.html._sheet import Sheet
from nanlog.report.html._values import Extras
from nanlog.report.html._when import MOST_SERIES, around, went

__all__ = ["content"]

_VERDICTS = {
    Verdict.UNHEALTHY: ("Unhealthy", "bad", "Yes."),
    Verdict.HEALTHY: ("Healthy", "good", ""),
    Verdict.CANNOT_JUDGE: ("Cannot judge", "open", "The log does not say."),
}
_LOST = "Something went wrong, but the log does not show when."
_MOST = 100  #: files, notes, attempts
_LONGEST_PATH = 400

Variables = dict[str, Any]


def content(report: Report, extras: Extras) -> Variables:
    """The variables of ``page.html``."""
    run = report.run
    sheet = Sheet(report, folder(run))
    unhealthy = report.verdict is Verdict.UNHEALTHY
    return {
        **_head(sheet, report),
        **_time(sheet, run, _shown(report), extras),
        "unhealthy": unhealthy,
        "causes": list(told(sheet, report, extras)),
        "confirmed": confirmation(report.findings),
        "told_apart": told_apart(report, len(open_)) if (open_ := undecided(report.findings)) else "",
        "unexplained": unexplained(report),
        "checkpoint": _checkpoint(sheet, report),
        "help": HELP if report.verdict is Verdict.CANNOT_JUDGE else (),
        "replay": None if report.replay is None else replayed(sheet, report.replay),
        "notes": [sign(sheet, note, extras) for note in report.notes[:_MOST]],
        "unknown": [*unknown(sheet.at_length(), report), *_remarks(sheet, extras)],
        **_training(sheet, run),
        "extras": extras,
        "counted": counted,
        "sheet": sheet,
    }


def _head(sheet: Sheet, report: Report) -> Variables:
    word, tone, answer = _VERDICTS[report.verdict]
    source = "standard input" if report.run.source == "-" else report.run.source
    parts = source.split("/") if len(source) <= _LONGEST_PATH else [source]
    return {
        "version": __version__,
        "title": source.rstrip("/").rpartition("/")[2] or source,
        "source": Markup("/<wbr>").join(map(sheet.text, parts)),
        "extent": sheet.text(extent(report.run)),
        "verdict": {"word": word, "tone": tone, "answer": answer, "says": sheet.text(_says(report))},
    }


def _says(report: Report) -> str:
    match report.verdict:
        case Verdict.UNHEALTHY:
            return _LOST if report.onset is None else headline(report.onset)
        case Verdict.HEALTHY:
            return calm(report.run)
        case Verdict.CANNOT_JUDGE:
            return unjudged(report.run)


def _shown(report: Report) -> Onset | None:
    """The onset, where there is something to be said of its time: of a healthy run only if something was not finite."""
    onset = report.onset
    return onset if onset is not None and (report.verdict is Verdict.UNHEALTHY or onset.order) else None


def _time(sheet: Sheet, run: Run, onset: Onset | None, extras: Extras) -> Variables:
    if onset is None:
        return {"when": [], "onset_excerpt": None, "went": [], "went_more": 0, "around": None}
    return {
        "when": list(rows(sheet, run, onset)),
        "onset_excerpt": excerpt_at(extras, onset.file, onset.line),
        "went": list(went(sheet, onset)),
        "went_more": max(0, len(onset.order) - MOST_SERIES),
        "around": around(run, onset),
    }


def _training(sheet: Sheet, run: Run) -> Variables:
    return {
        "settings": list(settings(sheet, run)),
        "facts": list(all_facts(sheet, run.facts)),
        "facts_more": max(0, len(run.facts) - MOST),
        "files": [sheet.text(file.removeprefix(folder(run))) for file in run.files[:_MOST]],
        "attempts": [sheet.text(text) for text in _attempts(run)],
    }


def _attempts(run: Run) -> Iterator[str]:
    """One sentence for each training in the log, where there are several."""
    attempts = run.attempts if len(run.attempts) > 1 else ()
    for ordinal, attempt in enumerate(attempts[:_MOST], 1):
        steps = "undated" if attempt.first_step is None else f"steps {attempt.first_step} to {attempt.last_step}"
        resumed = "" if attempt.resumed_from is None else f", resumed from {name(attempt.resumed_from)}"
        yield f"{ordinal}: {steps}, {run.unit}s {attempt.first_line:,} to {attempt.last_line:,}{resumed}"


def _checkpoint(sheet: Sheet, report: Report) -> Markup | None:
    """The last good checkpoint, unless a remedy names it."""
    last = None if report.onset is None else report.onset.last_good_checkpoint
    remedies = report.findings[0].remedies if report.findings else ()
    return None if last is None or any(last in remedy for remedy in remedies) else sheet.text(name(last))


def _remarks(sheet: Sheet, extras: Extras) -> Iterator[Markup]:
    for file, why in sorted(extras.unquoted.items()):
        yield Markup("No lines of {} are quoted: {}").format(sheet.place(file, None), sheet.text(why))
    yield from map(sheet.text, extras.remarks)
