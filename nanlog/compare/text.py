"""The comparison for people: the answer in two sentences, then what proves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, TextIO

from nanlog.model import Report
from nanlog.report import Style
from nanlog.report._page import Page
from nanlog.report._title import extent
from nanlog.report._words import counted, name, number, series_words, share

from . import Bad, Comparison, Curve, FactDifference

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["write"]

_FACTS, _CURVES, _NAMES = 12, 8, 6  #: so many are shown unless all are asked for
_GAP, _MARGIN = 2, 2
_COLOURS = {"healthy": "green", "unhealthy": "red", "cannot_judge": "yellow"}
_GROUPS = {"settings": "Settings", "net": "Net", "environment": "Environment"}

Cells = tuple["Text", "Text", "Text"]


def write(found: Comparison, names: tuple[str, str], out: TextIO, style: Style) -> None:
    """``names`` are what the two runs are called."""
    page = _Sheet(out, style)
    page.rule(page.text("A and B", "bold"), "two runs compared")
    page.blank()
    for sentence in (_verdict(found), _parting(found)):
        page.item(page.text(sentence, "bold"), indent=0)
    page.blank()
    page.rows([(page.text(""), page.text("A", "bold"), page.text("B", "bold")), *_sides(page, found, names)])
    _facts(page, found)
    _curves(page, found)
    _alone(page, found)
    page.blank()


class _Sheet(Page):
    """A page with rows of a label and two columns."""

    def rows(self, rows: Sequence[Cells]) -> None:
        """Columns as wide as they need to be, as far as there is room; what is longer goes on below."""
        room = self.width - _MARGIN - 2 * _GAP
        label = min(max(row[0].cell_len for row in rows), room * 2 // 5)
        value = (room - label) // 2
        widths = (label, min(value, max(row[1].cell_len for row in rows)), value)
        for row in rows:
            cells = [
                cell.wrap(self._console, max(width, 4), overflow="fold")
                for cell, width in zip(row, widths, strict=True)
            ]
            for lines in zip_longest(*cells):
                self._line(self._joined(lines, widths))

    def _joined(self, cells: Sequence[Text | None], widths: Sequence[int]) -> Text:
        line = self.text(" " * _MARGIN)
        for cell, width in zip(cells, widths, strict=True):
            filled = self.text("") if cell is None else cell.copy()
            filled.rstrip()
            line = line + filled + self.text(" " * (width + _GAP - filled.cell_len))
        return line


def _verdict(found: Comparison) -> str:
    bad_a, bad_b = found.bad_a, found.bad_b
    match found.first:
        case "both":
            return f"Both went bad at the same step: {_when(bad_a)} in A, {_when(bad_b)} in B."
        case "a":
            return f"A went bad {_when(bad_a)}; B {_later(found.b, bad_b)}."
        case "b":
            return f"B went bad {_when(bad_b)}; A {_later(found.a, bad_a)}."
    if bad_a is not None:
        return "Both went bad; the logs do not say which was first."
    return "Neither went bad, as far as the logs can tell."


def _later(report: Report, bad: Bad | None) -> str:
    if bad is not None:
        return f"later, {_when(bad)}"
    return "did not" if report.verdict.value == "healthy" else "cannot be judged"


def _when(bad: Bad | None) -> str:
    if bad is None:
        return "never"
    step = "at an undated step" if bad.step is None else f"at step {bad.step}"
    return step if bad.series is None else f"{step} ({series_words(bad.series)})"


def _parting(found: Comparison) -> str:
    """Where the curves part, in one sentence."""
    if not found.curves:
        return "No series is in both logs."
    first = found.curves[0]
    if first.parts is not None:
        a, b = number(first.parts.a), number(first.parts.b)
        return f"The curves part at step {first.parts.step}: {name(first.name)} is {a} in A, {b} in B."
    if first.differs is not None:
        return "The curves do not part: what differs is no more than noise."
    if not any(each.common for each in found.curves):
        return "The logs have no step in common: their curves cannot be compared."
    return "The curves are the same wherever both logs have a step."


def _sides(page: Page, found: Comparison, names: tuple[str, str]) -> Iterator[Cells]:
    sides = (found.a, found.bad_a, names[0]), (found.b, found.bad_b, names[1])
    described = [_described(report, bad, run) for report, bad, run in sides]
    for label in described[0]:
        a, b = (page.text(each[label], _COLOURS.get(each[label].replace(" ", "_"), "")) for each in described)
        if a or b:
            yield page.text(label, "dim"), a, b


def _described(report: Report, bad: Bad | None, run: str) -> dict[str, str]:
    onset, first = report.onset, (report.findings[0] if report.findings and bad is not None else None)
    value = "" if bad is None or bad.value is None else f" = {number(bad.value)}"
    return {
        "run": run,
        "log": "standard input" if report.run.source == "-" else report.run.source,
        "read as": extent(report.run),
        "verdict": report.verdict.value.replace("_", " "),
        "pattern": "" if onset is None or bad is None else onset.pattern.value.replace("_", " "),
        "went bad": ""
        if bad is None
        else f"{'' if bad.step is None else f'step {bad.step}  '}{bad.series or ''}{value}",
        "cause": "" if first is None else f"{share(first)} {first.cause.value}",
        "good checkpoint": (onset.last_good_checkpoint or "") if onset is not None and bad is not None else "",
    }


def _facts(page: _Sheet, found: Comparison) -> None:
    total = len(found.facts) + found.alike
    if not found.facts:
        page.heading("What the logs state")
        same = f"the same in both ({counted(total, 'fact')})" if total else "nothing: no settings, no net"
        page.item(page.text(same))
        return
    for group, title in _GROUPS.items():
        own = [each for each in found.facts if each.group == group]
        if not own:
            continue
        rows = _rows(page, own)
        page.heading(f"{title}: {counted(len(rows), 'difference')}")
        shown = rows if page.verbose else rows[:_FACTS]
        page.rows(shown)
        _more(page, len(rows) - len(shown))
    if found.alike:
        page.item(page.text(f"{counted(found.alike, 'fact')} more: the same in both", "dim"))


def _rows(page: Page, differences: Sequence[FactDifference]) -> list[Cells]:
    """One for each difference; a layer that only one net has is one row, with its type."""
    lone = {
        each.key.removesuffix(".name")
        for each in differences
        if each.key.endswith("].name") and None in (each.a, each.b)
    }
    rows = []
    for each in differences:
        layer, _, field = each.key.rpartition("].")
        if f"{layer}]" not in lone:
            rows.append(_row(page, each.key, each, "not stated"))
        elif field == "type":
            rows.append(_row(page, f"{layer}]", each, "no such layer"))
    return rows


def _row(page: Page, label: str, each: FactDifference, missing: str) -> Cells:
    a, b = (page.text(missing, "dim") if fact is None else page.text(number(fact.value)) for fact in (each.a, each.b))
    return page.text(name(label)), a, b


def _curves(page: _Sheet, found: Comparison) -> None:
    if not found.curves:
        return
    page.heading("Curves")
    parted = [each for each in found.curves if each.parts is not None]
    shown = parted if page.verbose else parted[:_CURVES]
    if parted:
        rows = [(page.text("part", "dim"), page.text("A", "dim"), page.text("B", "dim"))]
        for each in shown:
            if (point := each.parts) is not None:
                label = f"{name(each.name)} at step {point.step}"
                rows.append((page.text(label), page.text(number(point.a)), page.text(number(point.b))))
        page.rows(rows)
        _more(page, len(parted) - len(shown))
    differing = [each.differs for each in found.curves if each.differs is not None]
    noisy = [each for each in found.curves if each.parts is None and each.differs is not None]
    if differing:
        earliest = min(differing, key=lambda point: point.step)
        series = next(name(each.name) for each in found.curves if each.differs is earliest)
        values = f"{number(earliest.a)} in A, {number(earliest.b)} in B"
        page.item(page.text(f"the first difference at all: {series} at step {earliest.step}: {values}"))
    for many, what in ((noisy, "no further apart than noise"), (_same(found), "the same at every common step")):
        if many:
            page.item(page.text(f"{what}: ") + page.text(_listed([each.name for each in many], page.verbose)))
    if apart := [each.name for each in found.curves if not each.common]:
        page.item(page.text("no step in common: ") + page.text(_listed(apart, page.verbose)))


def _same(found: Comparison) -> list[Curve]:
    return [each for each in found.curves if each.differs is None and each.common]


def _alone(page: Page, found: Comparison) -> None:
    if found.only_a or found.only_b:
        page.heading("In one log only")
    for side, names in (("A", found.only_a), ("B", found.only_b)):
        if names:
            page.item(page.text(_listed(names, page.verbose)), lead=page.text(f"  {side}  "), indent=5)


def _listed(names: Sequence[str], verbose: bool) -> str:
    shown = names if verbose or len(names) <= _NAMES + 1 else names[:_NAMES]
    more = f" and {len(names) - len(shown):,} more" if len(names) > len(shown) else ""
    return ", ".join(map(name, shown)) + more


def _more(page: Page, left_out: int) -> None:
    if left_out:
        page.item(page.text(f"and {left_out:,} more; -v shows all", "dim"))
