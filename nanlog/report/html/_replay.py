"""What a replay found out, for the page: a file may hold anything, so nothing is taken for granted about its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nanlog.model import Cause, Judgement
from nanlog.report._words import CAUSES, REPLAYED
from nanlog.report.html._sheet import Sheet

__all__ = ["Judged", "Replayed", "Trial", "replayed", "tone"]

_TONES = {"confirmed": "good", "refuted": "soft", "not_reproduced": "open", "could_not_run": "open"}
_PHASES = {"optimizer_state": "the optimizer's state", "input": "the input", "update": "the update"}
_CAUSES = frozenset(Cause)
_MOST = 60  #: trials, causes, and reasons of each


@dataclass(frozen=True, slots=True)
class Judged:
    """A cause that was put to the test; ``tone`` is how its badge looks."""

    cause: str
    verdict: str
    tone: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    intervention: str
    outcome: str
    tone: str
    detail: str


@dataclass(frozen=True, slots=True)
class Replayed:
    summary: tuple[str, ...]
    first: tuple[tuple[str, str], ...]  #: label and what is known of the first non-finite value
    trials: tuple[Trial, ...]
    causes: tuple[Judged, ...]
    smallest_change: str


def replayed(sheet: Sheet, document: Mapping[str, Any]) -> Replayed:
    """The content of ``replay.json`` in the order it is shown."""
    trials = tuple(_trial(sheet, each) for each in _dicts(document.get("trials")))
    return Replayed(
        tuple(map(sheet.text, _summary(document))),
        tuple((label, sheet.text(text)) for label, text in _first(document.get("first_nonfinite"))),
        trials,
        tuple(_judged(sheet, each) for each in _dicts(document.get("causes"))),
        sheet.text(_said(document.get("smallest_change"))),
    )


def tone(judgement: str | None) -> str:
    """How the badge of a verdict looks."""
    return _TONES.get(judgement or "", "open")


def _judged(sheet: Sheet, each: Mapping[str, Any]) -> Judged:
    word = _said(each.get("verdict"))
    said = REPLAYED[Judgement(word)] if word in _TONES else word
    because = each.get("because")
    reasons = because if isinstance(because, list) else [because]
    cause = _said(each.get("cause"))
    return Judged(
        sheet.text(CAUSES[Cause(cause)] if cause in _CAUSES else cause),
        sheet.text(said),
        tone(word),
        tuple(sheet.text(text) for text in map(_said, reasons[:_MOST]) if text),
    )


def _trial(sheet: Sheet, each: Mapping[str, Any]) -> Trial:
    finite = each.get("finite")
    outcome, tone = {True: ("finite", "good"), False: ("not finite", "bad")}.get(
        finite if isinstance(finite, bool) else None,  # type: ignore[arg-type]
        ("not run", "open"),
    )
    return Trial(sheet.text(_said(each.get("intervention"))), outcome, tone, sheet.text(_said(each.get("detail"))))


def _summary(document: Mapping[str, Any]) -> Iterator[str]:
    checkpoint, device = _said(document.get("checkpoint")), _said(document.get("device"))
    where = f"Replayed from {checkpoint or 'a checkpoint'}{f' on {device}' if device else ''}: "
    match document.get("reproduced"):
        case True:
            yield f"{where}the training broke again."
        case False:
            yield f"{where}nothing became non-finite."
        case _:
            yield f"{where}it is not known whether it breaks again."
    match document.get("deterministic"):
        case True:
            yield "Two runs with nothing changed came out alike."
        case False:
            yield "Two runs with nothing changed came out differently: what follows is not certain."


def _first(found: object) -> Iterator[tuple[str, str]]:
    """The first non-finite value, in the order of a sentence: when, where in the step, what, which line."""
    if not isinstance(found, Mapping):
        return
    phase = _said(found.get("phase"))
    file, line = _said(found.get("file")), _said(found.get("line"))
    samples = found.get("samples")
    told = {
        "step": _said(found.get("step")),
        "phase": _PHASES.get(phase, phase),
        "module": _said(found.get("module")),
        "operation": _said(found.get("op")),
        "tensor": _said(found.get("tensor")),
        "line of code": f"{file}:{line}" if file and line else file,
        "samples": ", ".join(map(_said, samples[:_MOST])) if isinstance(samples, list) else "",
    }
    yield from ((label, text) for label, text in told.items() if text)


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value[:_MOST] if isinstance(each, Mapping)] if isinstance(value, list) else []


def _said(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)[:2000]
