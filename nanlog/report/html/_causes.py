"""Why: each cause with its share, the signs for and against it, and the lines of the log that prove them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

from nanlog.model import Evidence, Finding, Report
from nanlog.report._clean import printable
from nanlog.report._next import in_two
from nanlog.report._why import where
from nanlog.report._words import CAUSES, REPLAYED, name, percent
from nanlog.report.html._replay import tone
from nanlog.report.html._sheet import Sheet
from nanlog.report.html._values import Excerpt, Extras

__all__ = ["Sign", "Told", "excerpt_at", "sign", "told"]

_MOST = 100  #: causes, and signs, remedies of each
_LONGEST_COMMAND = 2000
_OPEN = 2  #: excerpts that are shown without being asked for


@dataclass(frozen=True, slots=True)
class Sign:
    """A sentence for or against a cause, where it stands, and the lines there; ``shows`` these from the start."""

    says: Markup
    place: Markup
    speaks_for: bool
    excerpt: Excerpt | None
    shows: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A cause; ``width`` is its share in percent for the bar, ``replayed`` what a replay made of it."""

    cause: str
    share: str
    width: str
    about: Markup
    rule: Markup
    signs: tuple[Sign, ...]
    remedies: tuple[Markup, ...]
    command: Markup
    test: Markup
    replayed: str
    tone: str


def told(sheet: Sheet, report: Report, extras: Extras) -> Iterator[Told]:
    """The causes in order.  Of the first one some lines are shown at once, unless they were shown with the onset."""
    onset = report.onset
    seen = set() if onset is None else {(onset.file, onset.line)}
    for rank, finding in enumerate(report.findings[:_MOST]):
        share = 0.0 if math.isnan(finding.confidence) else min(max(finding.confidence, 0.0), 1.0)
        signs: list[Sign] = []
        for item, speaks_for in _sides(finding):
            fresh = (item.file, item.line) not in seen
            shows = rank == 0 and fresh and sum(each.shows for each in signs) < _OPEN
            signs.append(sign(sheet, item, extras, speaks_for=speaks_for, shows=shows))
            seen.add((item.file, item.line))
        command, reading = in_two(finding.next_test or "")
        yield Told(
            CAUSES[finding.cause],
            percent(finding.confidence),
            f"{100 * share:.1f}",
            sheet.text(where(finding).strip()),
            sheet.text(name(finding.rule)),
            tuple(signs),
            tuple(map(sheet.text, finding.remedies[:_MOST])),
            escape(printable(command, _LONGEST_COMMAND)),
            sheet.text(reading),
            "" if finding.replayed is None else REPLAYED[finding.replayed],
            tone(finding.replayed),
        )


def sign(sheet: Sheet, item: Evidence, extras: Extras, *, speaks_for: bool = True, shows: bool = False) -> Sign:
    place = sheet.place(item.file, item.line)
    return Sign(sheet.text(item.says), place, speaks_for, excerpt_at(extras, item.file, item.line), shows)


def excerpt_at(extras: Extras, file: str | None, line: int | None) -> Excerpt | None:
    return None if file is None or line is None else extras.excerpts.get((file, line))


def _sides(finding: Finding) -> Iterator[tuple[Evidence, bool]]:
    yield from ((item, True) for item in finding.evidence[:_MOST])
    yield from ((item, False) for item in finding.against[:_MOST])
