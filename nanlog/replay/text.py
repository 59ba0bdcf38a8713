"""The outcome for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from nanlog.report import Style
from nanlog.report._page import Page
from nanlog.report._words import CAUSES

from .outcome import CauseVerdict, FirstNonfinite, Judgement, Operand, Outcome, ReplayPhase, Status
from .text_scan import write_scan

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["write_outcome"]

_LABEL = 18
_INDENT = 4
_NAMES = 20
_VERDICTS = {
    Judgement.CONFIRMED: ("CONFIRMED", "bold green"),
    Judgement.REFUTED: ("refuted", "dim"),
    Judgement.NOT_REPRODUCED: ("not reproduced", "yellow"),
    Judgement.COULD_NOT_RUN: ("open", "yellow"),
}
_WIDE = 14


def write_outcome(outcome: Outcome, out: TextIO, style: Style) -> None:
    """Headline, where the fault arose, what was changed and what happened, the verdict per cause, what now."""
    page = Page(out, style)
    page.rule(page.text(outcome.checkpoint, "bold"), _aside(outcome))
    page.blank()
    if outcome.inputs is not None:
        write_scan(page, outcome.inputs)
        return
    page.item(_headline(page, outcome))
    if outcome.first_nonfinite is not None or outcome.steps is not None:
        page.blank()
    for label, words in _where(outcome):
        page.item(page.text(words), lead=page.text(f"  {label}", "cyan"), indent=_LABEL)
    _trials(page, outcome)
    _causes(page, outcome)
    _what_now(page, outcome)
    _notes(page, outcome)


def _aside(outcome: Outcome) -> str:
    facts = outcome.facts
    parts = [str(facts["framework"])] if facts.get("framework") else []
    parts.append(outcome.device)
    if facts.get("checkpoint_step") is not None:
        parts.append(f"step {facts['checkpoint_step']}")
    if outcome.run is not None:
        parts.append(f"run {outcome.run}")
    return ", ".join(parts)


def _headline(page: Page, outcome: Outcome) -> Text:
    """One sentence, its first words in colour."""
    if outcome.confirmed:
        names = " and ".join(
            f"{CAUSES_BY_WORD.get(each.cause, each.cause)} [{each.cause}]" for each in outcome.confirmed
        )
        return page.text("CONFIRMED", "bold red") + page.text(f"  {names}")
    if outcome.reproduced is None:
        return page.text("NOT REPLAYED", "bold yellow") + page.text(f"  {outcome.why_ended or 'nothing could be run'}")
    if not outcome.reproduced:
        return page.text("NOT REPRODUCED", "bold yellow") + page.text("  All steps that were run stayed finite.")
    return page.text("REPRODUCED", "bold red") + page.text("  No single cause is proved yet.")


CAUSES_BY_WORD = {cause.value: words for cause, words in CAUSES.items()}


def _where(outcome: Outcome) -> Iterator[tuple[str, str]]:
    first = outcome.first_nonfinite
    if first is not None:
        yield "first bad", f"step {first.step}, {_phase_words(first)}"
        if first.file is not None:
            yield "line", f"{first.file}:{first.line}" + (f"    {first.code}" if first.code else "")
        if first.operands:
            yield "given", "; ".join(map(_operand, first.operands[:3]))
        if first.samples:
            of = "sample" if len(first.samples) == 1 else "samples"
            yield "brought by", f"{of} {', '.join(map(str, first.samples[:8]))} of {_batch_of(first)}" + _places(first)
    if outcome.steps is not None:
        yield "suspect steps", _span(outcome.steps) + _same(outcome)


def _phase_words(first: FirstNonfinite) -> str:
    value = f" = {first.value}" if first.value and ":" not in first.value else ""
    op = first.op or "an operation"
    where = f" in {first.module}" if first.module else ""
    raised = f"; it raised {first.value}" if first.value and ":" in first.value else ""
    match first.phase:
        case ReplayPhase.PARAMETER:
            return f"before it began: parameter {first.tensor}{value}"
        case ReplayPhase.OPTIMIZER_STATE:
            return f"before it began: the optimizer's {' '.join(first.via) or 'state'} of {first.tensor}{value}"
        case ReplayPhase.INPUT:
            return f"in {' '.join(first.via) or 'the batch'}: {first.tensor or 'a tensor'}{value}"
        case ReplayPhase.BACKWARD:
            return f"backward: the gradient of {op}{where}{value}{raised}"
        case ReplayPhase.UPDATE:
            return f"in the update{f' of {first.tensor}' if first.tensor else ''}: {op}{value}{raised}"
        case _:
            return f"forward: {op}{where}{value}{raised}"


def _batch_of(first: FirstNonfinite) -> str:
    """One of several micro-batches is named by the way on which the value came."""
    return " ".join(first.via) if first.phase is ReplayPhase.INPUT and first.via else "the batch"


def _operand(operand: Operand) -> str:
    shape = "x".join(map(str, operand.shape)) or "a scalar"
    span = "nothing finite" if operand.minimum is None else f"{operand.minimum:.4g} to {operand.maximum:.4g}"
    zeros = f", {operand.zeros} zero{'s' if operand.zeros != 1 else ''}" if operand.zeros else ""
    return f"{operand.name} ({shape}, {operand.dtype}): {span}{zeros}"


def _places(first: FirstNonfinite) -> str:
    if not first.places:
        return ""
    place = first.places[0]
    return f": {place.tensor or 'input'}{list(place.index) or ''} is {place.value:g}"


def _span(steps: tuple[int, int]) -> str:
    return f"{steps[0]} to {steps[1]}" if steps[0] != steps[1] else str(steps[0])


def _same(outcome: Outcome) -> str:
    if outcome.deterministic is None:
        return ""
    repeats = [trial.finite for trial in outcome.trials if trial.intervention == "repeat"]
    if len(set(repeats)) > 1:
        return f"; of {len(repeats)} unchanged runs {repeats.count(False)} went bad"
    return f"; {len(repeats)} unchanged runs, " + (
        "the same bit for bit" if outcome.deterministic else "not bit for bit the same"
    )


def _trials(page: Page, outcome: Outcome) -> None:
    shown = outcome.trials if page.verbose else [t for t in outcome.trials if t.intervention != "repeat"]
    if not shown and not (page.verbose and outcome.not_run):
        return
    page.heading("What was changed")
    for trial in sorted(shown, key=lambda trial: not trial.finite):
        word, colour = ("finite", "green") if trial.finite else ("bad", "red")
        lead = page.text(f"    {word:<8}", colour) + page.text(f"{trial.intervention:<{_NAMES}}")
        said = trial.detail if trial.finite or page.verbose else trial.detail.partition("; ")[0]
        page.item(page.text(said), lead=lead, indent=12 + _NAMES)
    if page.verbose:
        reasons = dict.fromkeys(each.because for each in outcome.not_run)
        for because in reasons:
            names = ", ".join(each.intervention for each in outcome.not_run if each.because == because)
            reason = page.text(f"{names}: ") + page.text(because, "dim")
            page.item(reason, lead=page.text("    not run ", "yellow"), indent=12)
    elif outcome.not_run:
        names = ", ".join(each.intervention for each in outcome.not_run)
        page.item(page.text(f"could not be tried: {names} (-v says why)", "dim"), indent=_INDENT)


def _causes(page: Page, outcome: Outcome) -> None:
    if not outcome.causes:
        return
    page.heading("Causes")
    refuted = [each for each in outcome.causes if each.verdict is Judgement.REFUTED and not page.verbose]
    ranked = {each.cause for each in outcome.causes if (each.confidence or 0.0) >= 0.05}
    for each in outcome.causes:
        if each not in refuted or each.cause in ranked:
            _cause(page, each)
    silent = [each.cause for each in refuted if each.cause not in ranked]
    if silent:
        lead = page.text(f"  {'refuted':<{_WIDE}}", "dim")
        page.item(page.text(f"{', '.join(silent)} (-v says why)", "dim"), lead=lead, indent=_WIDE + 2)


def _cause(page: Page, each: CauseVerdict) -> None:
    word, colour = _VERDICTS[each.verdict]
    share = "" if each.confidence is None else f"  (the log gave it {each.confidence:.0%})"
    title = page.text(each.cause, "bold" if each.verdict is Judgement.CONFIRMED else "") + page.text(share, "dim")
    page.item(title, lead=page.text(f"  {word:<{_WIDE}}", colour), indent=_WIDE + 2)
    shown = each.because if page.verbose or each.verdict is Judgement.CONFIRMED else each.because[:1]
    for because in shown:
        if because:
            page.item(page.text(because), indent=_WIDE + 2)


def _what_now(page: Page, outcome: Outcome) -> None:
    from .advice import advice

    said = advice(outcome)
    if not said:
        return
    page.heading("What now")
    for each in said:
        page.item(page.text(each), lead=page.text("  *", "cyan"), indent=_INDENT)


def _notes(page: Page, outcome: Outcome) -> None:
    notes = list(outcome.notes) + [f"harmless: {each.says}" for each in outcome.benign[: None if page.verbose else 2]]
    if outcome.status is not Status.COMPLETE and outcome.why_ended and outcome.reproduced is not None:
        notes.insert(0, f"The replay is not complete: {outcome.why_ended}.")
    if not notes:
        return
    page.heading("Notes")
    for note in notes:
        page.item(page.text(note), lead=page.text("  *", "dim"), indent=_INDENT)
