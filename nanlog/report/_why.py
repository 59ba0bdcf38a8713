"""The second question: why?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nanlog.engine import undecided
from nanlog.model import Evidence, Finding, Judgement, Report
from nanlog.report._words import CAUSES, REPLAYED, counted, name, percent

if TYPE_CHECKING:
    from rich.text import Text

    from nanlog.report._page import Page

__all__ = ["in_short", "told_apart", "unexplained", "where", "why"]

_EVIDENCE = 3  #: sentences for the first cause
_AGAINST = 2
_OTHERS = 2  #: causes besides the first ...
_NEGLIGIBLE = 0.01  #: ... none of them less likely than this
_INDENT = 7
#: What a replay has answered needs no share any more.
_ANSWERS: dict[Judgement | None, str] = {Judgement.CONFIRMED: "yes", Judgement.REFUTED: "no"}
_STYLES = {Judgement.CONFIRMED: "bold green", Judgement.REFUTED: "dim"}
_COUNT = {2: "two", 3: "three", 4: "four"}
_SIGN = 9


def why(page: Page, report: Report) -> None:
    """Causes, best first: the first with its evidence, the others in a line or two each; all in full when verbose."""
    page.heading("Why")
    if not report.findings:
        page.item(page.text(unexplained(report)))
        return
    if page.verbose:
        for finding in report.findings:
            _in_full(page, finding)
        if open_ := undecided(report.findings):
            page.item(page.text(told_apart(report, len(open_))), indent=_INDENT)
        return
    first, *others = report.findings
    open_ = undecided(report.findings)
    shown = [finding for finding in others if finding.confidence >= _NEGLIGIBLE][: max(_OTHERS, len(open_) - 1)]
    _in_full(page, first)
    for finding in shown:
        _in_short(page, finding)
    if open_:
        page.item(page.text(told_apart(report, len(open_))), indent=_INDENT)
    _hint(
        page, max(0, len(first.evidence) - _EVIDENCE) + max(0, len(first.against) - _AGAINST), len(others) - len(shown)
    )


def _hint(page: Page, signs: int, causes: int) -> None:
    hidden = [counted(signs, "more sign")] if signs else []
    if causes:
        hidden.append(counted(causes, "less likely cause"))
    if hidden:
        page.item(page.text(f"-v shows {' and '.join(hidden)}", "dim"), indent=_INDENT)


def _title(page: Page, finding: Finding, style: str = "", at: str = "") -> tuple[Text, Text]:
    """The share, or what a replay answered, for the margin; the cause, where it acts, and the rule that found it."""
    share = page.text(f"  {_ANSWERS.get(finding.replayed) or percent(finding.confidence):>4}", style)
    title = page.text(CAUSES[finding.cause], style) + page.text(at)
    title += page.text(f"  [{name(finding.rule)}]", "dim")
    if finding.replayed is None:
        return share, title
    return share, title + page.text(f"  {REPLAYED[finding.replayed]}", _STYLES.get(finding.replayed, "dim"))


def where(finding: Finding) -> str:
    """``  (layer ip2, backward)``; empty where the log does not say."""
    known = [f"layer {name(finding.layer)}"] if finding.layer is not None else []
    if finding.phase is not None:
        known.append(finding.phase.value)
    return f"  ({', '.join(known)})" if known else ""


def _in_full(page: Page, finding: Finding) -> None:
    share, title = _title(page, finding, "bold", where(finding))
    page.item(title, lead=share, indent=_INDENT)
    for item in finding.evidence if page.verbose else finding.evidence[:_EVIDENCE]:
        _sign(page, item, speaks_for=True)
    for item in finding.against if page.verbose else finding.against[:_AGAINST]:
        _sign(page, item, speaks_for=False)


def unexplained(report: Report) -> str:
    """Why there is no cause: nothing fits, or what led to the onset is not in the log."""
    if report.onset is not None and report.onset.tail:
        return "The log begins after the onset: what led to it is in the part before."
    return "No known cause fits what was logged."


def told_apart(report: Report, number: int) -> str:
    """That the log leaves the first causes open, and what does not."""
    if report.replay is not None:
        return f"Neither the log nor the replay tells the first {_COUNT[number]} apart."
    return f"The log does not tell the first {_COUNT[number]} apart; the next test does."


def in_short(finding: Finding) -> Iterator[tuple[bool, Evidence]]:
    """The signs of a cause that came second: the weightiest for it, and the one against it that says why."""
    if finding.replayed is not Judgement.REFUTED:
        yield from ((True, item) for item in finding.evidence[:1])
    yield from ((False, item) for item in finding.against[:1])


def _in_short(page: Page, finding: Finding) -> None:
    share, title = _title(page, finding)
    page.item(title, lead=share, indent=_INDENT)
    for speaks_for, item in in_short(finding):
        _sign(page, item, speaks_for=speaks_for)


def _sign(page: Page, item: Evidence, *, speaks_for: bool) -> None:
    mark, colour = ("+", "green") if speaks_for else ("-", "yellow")
    page.item(page.cite(item), lead=page.text(" " * _INDENT + mark, colour), indent=_SIGN)
