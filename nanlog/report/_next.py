"""The third question: what now?  And then what the log leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from nanlog.engine import decided
from nanlog.model import CannotTell, Report, Run
from nanlog.report._words import counted, name, series_words

if TYPE_CHECKING:
    from nanlog.report._medium import Inline, Medium
    from nanlog.report._page import Page

__all__ = ["in_two", "not_known", "notes", "unknown", "what_now"]

_REMEDIES = 3
_COMMAND = "nanlog "
_WAYS = 3  #: of having something logged; all of them when verbose
_LABEL = 15
_NOTES = 4
_UNREAD = 10
_LEFT_OUT = 4


def what_now(page: Page, report: Report) -> None:
    """The remedies of the first cause, one next test, the checkpoint to go on from."""
    first = report.findings[0] if report.findings else None
    checkpoint = None if report.onset is None else report.onset.last_good_checkpoint
    remedies = first.remedies if first else ()
    test = first.next_test if first else None
    if not (remedies or test or checkpoint):
        return
    page.heading("What now")
    shown = remedies if page.verbose else remedies[:_REMEDIES]
    for remedy in shown:
        page.item(page.text(remedy), lead=page.text("  *", "cyan"), indent=4)
    if test is not None:
        _test(page, test)
    if checkpoint is not None and not any(checkpoint in remedy for remedy in shown):
        page.item(page.text(name(checkpoint)), lead=page.text("  resume from", "cyan"), indent=_LABEL)


def _test(page: Page, test: str) -> None:
    """A test; what is to be typed stands on a line of its own, however long, so that it can be copied."""
    command, reading = in_two(test)
    lead = page.text("  next test", "cyan")
    if command:
        page.as_typed(page.text(command), lead=lead, indent=_LABEL)
    page.item(page.text(reading), lead=None if command else lead, indent=_LABEL)


def in_two(test: str) -> tuple[str, str]:
    """What is to be typed, "" where nothing is, and what it shows."""
    command, colon, reading = test.partition(": ") if test.startswith(_COMMAND) else ("", "", test)
    return (command, reading) if colon else ("", test)


def not_known(page: Page, report: Report) -> None:
    """What the log leaves open, where it does."""
    said = list(unknown(page, report, None if page.verbose else _WAYS))
    if said:
        page.heading("Not known")
    for each in said:
        page.item(each)


def unknown(page: Medium[Inline], report: Report, most: int | None = None) -> Iterator[Inline]:
    """What the log lacks, by what would make it log that; what could not be read of it.

    Of more than ``most`` ways to log more only those are said that bear on the causes that are likely.
    """
    ways = _lacks(report.cannot_tell)
    chosen = ways if most is None else dict(list(_lacks(_bearing(report)).items())[:most])
    for how, things in chosen.items():
        yield page.text(f"The log does not say: {', '.join(things)}{how}")
    if chosen and len(chosen) < len(ways):
        yield page.text(f"-v shows {counted(len(ways) - len(chosen), 'more thing')} worth logging", "dim")
    if page.verbose and report.cannot_tell:
        rules = ", ".join(dict.fromkeys(name(item.rule) for item in report.cannot_tell))
        yield page.text(f"Not judged for want of it: {rules}", "dim")
    yield from _unread(page, report.run)
    if left_out := report.run.left_out:
        shown = ", ".join(name(file.rpartition("/")[2]) for file in left_out[:_LEFT_OUT])
        more = f" and {len(left_out) - _LEFT_OUT} more" if len(left_out) > _LEFT_OUT else ""
        yield page.text(f"Left out, since no dialect knows it: {shown}{more}")


def _bearing(report: Report) -> list[CannotTell]:
    """What the rules lacked, that of the likeliest cause first; of that one alone where the log has decided."""
    rank = {finding.rule: place for place, finding in enumerate(report.findings)}
    bearing = sorted(report.cannot_tell, key=lambda item: rank.get(item.rule, len(rank)))
    return [item for item in bearing if rank.get(item.rule) == 0] if decided(report.findings) else bearing


def _lacks(items: Iterable[CannotTell]) -> dict[str, list[str]]:
    """What is missing, each thing once, by how to have it logged.

    All that one setting would print is listed together: "SETTING prints WHAT" is one way, whatever WHAT is.
    """
    ways: dict[str, str] = {}
    for item in items:
        setting, prints, _ = item.how.partition(" prints ")
        for thing in map(series_words, item.missing):
            ways.setdefault(thing, f" ({setting} prints them)" if prints else f" ({item.how})" if item.how else "")
    return {way: [thing for thing, its in ways.items() if its == way] for way in dict.fromkeys(ways.values())}


def _unread(page: Medium[Inline], run: Run) -> Iterator[Inline]:
    if not run.unread_count:
        return
    verb = "looks" if run.unread_count == 1 else "look"
    said = f"{counted(run.unread_count, run.unit)} that {verb} like {name(run.parser)} could not be read"
    if not run.unread:
        yield page.text(said)
        return
    first = run.unread[0]
    opening = ": " if run.unread_count == 1 else "; the first: "
    yield page.with_place(page.text(said + opening + first.why), first.file, first.line)
    for unread in run.unread[1:_UNREAD] if page.verbose else ():
        yield page.with_place(page.text(unread.why), unread.file, unread.line)


def notes(page: Page, report: Report) -> None:
    """Hazards and remarks that change no verdict."""
    if not report.notes:
        return
    page.heading("Notes")
    shown = report.notes if page.verbose else report.notes[:_NOTES]
    for note in shown:
        page.item(page.cite(note), lead=page.text("  *", "dim"), indent=4)
    if len(shown) < len(report.notes):
        page.item(page.text(f"{counted(len(report.notes) - len(shown), 'more note')}: add -v", "dim"), indent=4)
