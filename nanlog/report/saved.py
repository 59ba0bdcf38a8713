"""The way back: a report out of what :func:`nanlog.report.as_json.as_dict` made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from nanlog.model import CannotTell, Cause, Evidence, Finding, FirstBad, Onset, Pattern, Phase, Report, Verdict

if TYPE_CHECKING:
    from nanlog.model import Run

__all__ = ["report_of"]

Value = TypeVar("Value", Onset, FirstBad, Finding, Evidence)

_NONFINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def report_of(saved: Mapping[str, Any], run: Run) -> Report:
    """The report on ``run`` that ``saved`` holds; its findings have no signs, which are the engine's alone.

    Raises ``LookupError``, ``TypeError``, ``ValueError`` or ``AttributeError`` for what is no report, or one of a
    version of nanlog that says more than this one knows.
    """
    onset = saved["onset"]
    return Report(
        run,
        Verdict(saved["verdict"]),
        None if onset is None else _onset(onset, saved["last_good_checkpoint"]),
        tuple(map(_finding, saved["findings"])),
        tuple(CannotTell(each["rule"], tuple(each["missing"]), each["how"]) for each in saved["cannot_tell"]),
        tuple(map(_evidence, saved["notes"])),
    )


def _onset(saved: Mapping[str, Any], checkpoint: str | None) -> Onset:
    order = tuple(_of(FirstBad, bad) for bad in saved["order"])
    return _of(Onset, saved, pattern=Pattern(saved["pattern"]), order=order, last_good_checkpoint=checkpoint)


def _finding(saved: Mapping[str, Any]) -> Finding:
    sides = {side: tuple(map(_evidence, saved[side])) for side in ("evidence", "against")}
    return _of(Finding, saved, cause=Cause(saved["cause"]), remedies=tuple(saved["remedies"]), replayed=None, **sides)


def _evidence(saved: Mapping[str, Any]) -> Evidence:
    return _of(Evidence, saved)


def _of(kind: type[Value], saved: Mapping[str, Any], **read: Any) -> Value:
    """A value of the model; what ``saved`` says beyond its fields was added by a later version."""
    known = {field.name: saved[field.name] for field in fields(kind) if field.name in saved}
    numbers = {key: _number(known[key]) for key in ("value", "masked_value") if key in known}
    phase = {"phase": None if known["phase"] is None else Phase(known["phase"])} if "phase" in known else {}
    return kind(**{**known, **numbers, **phase, **read})


def _number(value: Any) -> Any:
    """A float that JSON has no number for; anything else is as it was."""
    return _NONFINITE.get(value, value) if isinstance(value, str) else value
