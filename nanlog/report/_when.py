"""The first question: does it matter, and when did it start?"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nanlog.model import NO_STEP, FirstBad, MarkKind, Onset, Pattern, Report, Run
from nanlog.onset import overwritten_checkpoint
from nanlog.report._words import confirmation, counted, headline, name, number, series_words, steps

if TYPE_CHECKING:
    from nanlog.report._medium import Inline, Medium
    from nanlog.report._page import Page

__all__ = ["badge", "rows", "when"]

_SHOWN = 3  #: how many series that went bad after the first are named
#: Series of points that are no numbers.
_SAID = {"message": "a message says so", "skipped_step": "the loss scaler skipped the update"}
#: What stands for them in a row of names.
_A_WORD = {"message": "a message", "skipped_step": "a skipped update"}
_LABEL = 19  #: width of the column of labels


def badge(page: Page, word: str, colour: str, sentence: str) -> None:
    """The verdict, and one sentence that says what it means."""
    page.blank()
    page.item(page.text(sentence, "bold"), lead=page.text(word, f"bold {colour}"), indent=len(word) + 2)


def when(page: Page, report: Report) -> None:
    """Headline, first bad and last good step, what followed, and what limits the answer."""
    onset = report.onset
    if onset is None:
        badge(page, "UNHEALTHY", "red", "Something went wrong, but the log does not show when.")
        return
    badge(page, "UNHEALTHY", "red", headline(onset))
    if said := confirmation(report.findings):
        page.item(page.text(said, "bold green"), indent=len("UNHEALTHY") + 2)
    page.blank()
    for label, body in rows(page, report.run, onset):
        page.item(body, lead=page.text(f"  {label}", "dim"), indent=_LABEL)


def rows(page: Medium[Inline], run: Run, onset: Onset) -> Iterator[tuple[str, Inline]]:
    """What is known about the time, each with its label."""
    if onset.step is not None or onset.departure_step is None:
        yield _first_label(onset), _first(page, onset)
    if onset.step is not None and onset.earliest_step is not None and onset.earliest_step < onset.step:
        span = f"between step {onset.earliest_step} and step {onset.step}: the log does not show the steps in between"
        yield "true onset", page.text(span)
    if onset.last_finite_step is not None and onset.pattern is not Pattern.DIVERGENCE:
        grew = onset.departure_step is not None
        yield "last finite" if grew else "last good", page.text(f"step {onset.last_finite_step}")
    elif onset.tail:
        yield "last good", page.text("not in this log, which begins after the onset: add the part before it")
    if onset.departure_step is not None and onset.departure_step != onset.step:
        yield (
            "growth began",
            page.with_place(
                page.text(f"step {onset.departure_step}"),
                None if onset.departure_line is None else onset.file,
                onset.departure_line,
            ),
        )
        if (calm := _last_calm(run, onset)) is not None:
            yield "last normal", page.text(f"step {calm}")
    named = _named(page, onset)
    if named:
        yield "then", page.text(_downstream(named, len(onset.order) - 1 - len(named)))
    if onset.loss_step not in {None, onset.step} and not any(bad.series.startswith("loss") for bad in named):
        yield "loss affected", page.text(f"step {onset.loss_step}")
    if onset.recovered_step is not None:
        again = f"step {onset.recovered_step}"
        yield "finite again", page.text(again if onset.series != "loss_smoothed" else f"{again}, its average aside")
    if len(run.attempts) > 1:
        yield "attempt", page.text(_attempt(run, onset))
        if (command := _one_by_one(run)) is not None:
            yield "one by one", page.text(command)
    yield from _checkpoint(page, run, onset)


def _last_calm(run: Run, onset: Onset) -> int | None:
    """The last logged step of the loss before it began to grow."""
    loss = run.series("loss") or run.series(onset.series or "")
    if loss is None or onset.departure_step is None:
        return None
    before = loss.step[(loss.attempt == onset.attempt) & (loss.step < onset.departure_step) & (loss.step != NO_STEP)]
    return int(before.max()) if len(before) else None


def _first_label(onset: Onset) -> str:
    match onset.pattern:
        case Pattern.DIVERGENCE:
            return "out of range"
        case Pattern.MASKED if onset.value is not None and math.isfinite(onset.value):
            return "first masked"
        case Pattern.MASKED | Pattern.TRANSIENT if onset.value is None:
            return "first missing"
        case _:
            return "first bad"


def _first(page: Medium[Inline], onset: Onset) -> Inline:
    when_ = "undated step" if onset.step is None else f"step {onset.step}"
    if onset.series is None:
        return page.with_place(page.text(when_), onset.file, onset.line)
    first = onset.order[0] if onset.order else None
    value = "  (no value in this row)" if onset.value is None else f" = {number(onset.value)}"
    if onset.series in _SAID:
        return page.with_place(page.text(when_, "bold") + page.text(f"  {_SAID[onset.series]}"), onset.file, onset.line)
    text = page.text(when_, "bold") + page.text(f"  {name(onset.series)}{value}")
    about = [] if first is None else list(_about(first))
    if about:
        text += page.text(f"  ({'; '.join(about)})")
    return page.with_place(text, onset.file, onset.line)


def _about(bad: FirstBad) -> Iterator[str]:
    """What the name of the series alone does not tell."""
    if bad.layer is not None:
        words = series_words(bad.series, bad.layer)
        yield words if bad.phase is None or bad.phase.value in words else f"{words}, {bad.phase.value}"
    if bad.overflow_only:
        yield "a mean or norm, which may overflow before any single value does"


def _named(page: Medium[Inline], onset: Onset) -> tuple[FirstBad, ...]:
    """The series named as downstream of the first: all of them if one alone would be left out."""
    order = onset.order[1:]
    return order if page.verbose or len(order) <= _SHOWN + 1 else order[:_SHOWN]


def _downstream(named: tuple[FirstBad, ...], left_out: int) -> str:
    """``loss at step 9; diff/ip2/ip2 and data/conv1/conv1 at step 10; and 12 more downstream``."""
    groups: list[tuple[str, list[str]]] = []
    for bad in named:
        if not groups or groups[-1][0] != steps(bad):
            groups.append((steps(bad), []))
        groups[-1][1].append(_A_WORD.get(bad.series) or name(bad.series))
    said = [f"{_listed(series)} at {step}" for step, series in groups]
    if left_out:
        said.append(f"and {left_out:,} more downstream")
    return "; ".join(said)


def _listed(parts: list[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _attempt(run: Run, onset: Onset) -> str:
    ordinal = next((k for k, a in enumerate(run.attempts, 1) if a.index == onset.attempt), None)
    if ordinal is None:
        return f"one of {len(run.attempts)} in this log"
    said = f"{ordinal} of {len(run.attempts)} in this log"
    source = run.attempts[ordinal - 1].resumed_from
    return said if source is None else f"{said}, resumed from {name(source)}"


def _one_by_one(run: Run) -> str | None:
    """The command for a report on each attempt, where each lies in a folder of its own: they may be separate runs."""
    folders = {attempt.file.rpartition("/")[0] for attempt in run.attempts}
    return f"nanlog diagnose {shlex.quote(run.source.rstrip('/') + '/*')}" if len(folders) > 1 else None


def _checkpoint(page: Medium[Inline], run: Run, onset: Onset) -> Iterator[tuple[str, Inline]]:
    if onset.last_good_checkpoint is not None:
        yield "good checkpoint", page.text(name(onset.last_good_checkpoint))
        return
    written = sum(mark.kind is MarkKind.CHECKPOINT for mark in run.marks)
    if written and (lost := overwritten_checkpoint(run, onset)) is not None:
        yield "good checkpoint", page.text(f"none: {name(lost)} was written again after the onset")
    elif written:
        yield (
            "good checkpoint",
            page.text(f"none: not one of the {counted(written, 'checkpoint')} is from before the onset"),
        )
