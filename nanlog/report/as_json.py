"""The report that other programs build on: strict JSON, the same bytes for the same log.

Keys come in a fixed order.  A non-finite number is the string ``"NaN"``, ``"Infinity"`` or ``"-Infinity"``; everything
beyond ASCII is escaped, so that neither a locale nor a terminal can change or be changed by the document.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TextIO

from nanlog.engine import undecided
from nanlog.model import Judgement
from nanlog.report import Answer, Failure, Style

if TYPE_CHECKING:
    from nanlog.model import Attempt, CannotTell, Evidence, Finding, FirstBad, Onset, Report

__all__ = ["REPORTER", "SCHEMA_VERSION", "JsonReporter", "as_dict", "dumps", "scalar"]

SCHEMA_VERSION = 1

Json = dict[str, Any]


def as_dict(report: Report) -> Json:
    """Return one entry of ``reports``: plain values only, ready for ``json.dumps(..., allow_nan=False)``."""
    run, onset = report.run, report.onset
    return {
        "source": run.source,
        "parser": run.parser,
        "verdict": report.verdict.value,
        "onset": None if onset is None else _onset(onset),
        "findings": [_finding(finding) for finding in report.findings],
        "cannot_tell": [_cannot_tell(item) for item in report.cannot_tell],
        "last_good_checkpoint": None if onset is None else onset.last_good_checkpoint,
        "unread": run.unread_count,
        "undecided": [finding.cause.value for finding in undecided(report.findings)],
        "notes": [_evidence(note) for note in report.notes],
        "attempts": [_attempt(attempt) for attempt in run.attempts],
        "files": list(run.files),
        "left_out": list(run.left_out),
        "lines": run.lines,
        "replay": None if report.replay is None else _replay(report),
        "error": None,
    }


def _failure(failure: Failure) -> Json:
    return {
        "source": failure.source,
        "parser": None,
        "verdict": "cannot_judge",
        "onset": None,
        "findings": [],
        "cannot_tell": [],
        "last_good_checkpoint": None,
        "unread": 0,
        "undecided": [],
        "notes": [],
        "attempts": [],
        "files": [],
        "left_out": [],
        "lines": 0,
        "replay": None,
        "error": failure.error,
    }


def _onset(onset: Onset) -> Json:
    return {
        "pattern": onset.pattern.value,
        "series": onset.series,
        "step": scalar(onset.step),
        "last_finite_step": scalar(onset.last_finite_step),
        "departure_step": scalar(onset.departure_step),
        "file": onset.file,
        "line": scalar(onset.line),
        "value": scalar(onset.value),
        "attempt": scalar(onset.attempt),
        "harmless": onset.harmless,
        "departure_line": scalar(onset.departure_line),
        "earliest_step": scalar(onset.earliest_step),
        "recovered_step": scalar(onset.recovered_step),
        "loss_step": scalar(onset.loss_step),
        "masked_value": scalar(onset.masked_value),
        "masked_as": onset.masked_as,
        "tail": bool(onset.tail),
        "order": [_first_bad(bad) for bad in onset.order],
    }


def _first_bad(bad: FirstBad) -> Json:
    return {
        "series": bad.series,
        "step": scalar(bad.step),
        "value": scalar(bad.value),
        "file": bad.file,
        "line": scalar(bad.line),
        "layer": bad.layer,
        "phase": None if bad.phase is None else bad.phase.value,
        "overflow_only": bool(bad.overflow_only),
    }


def _finding(finding: Finding) -> Json:
    return {
        "rule": finding.rule,
        "cause": finding.cause.value,
        "confidence": scalar(finding.confidence),
        "layer": finding.layer,
        "phase": None if finding.phase is None else finding.phase.value,
        "evidence": [_evidence(item) for item in finding.evidence],
        "against": [_evidence(item) for item in finding.against],
        "remedies": list(finding.remedies),
        "next_test": finding.next_test,
        "replayed": None if finding.replayed is None else finding.replayed.value,
    }


def _evidence(evidence: Evidence) -> Json:
    return {
        "says": evidence.says,
        "file": evidence.file,
        "line": scalar(evidence.line),
        "series": evidence.series,
        "step": scalar(evidence.step),
        "value": scalar(evidence.value),
    }


def _replay(report: Report) -> Json:
    """What a replay settled, in short; all of it is in ``replay.json``, which may hold anything."""
    replay = report.replay or {}
    reproduced, change, first = (replay.get(key) for key in ("reproduced", "smallest_change", "first_nonfinite"))
    return {
        "reproduced": reproduced if isinstance(reproduced, bool) else None,
        "confirmed": [finding.cause.value for finding in report.findings if finding.replayed is Judgement.CONFIRMED],
        "refuted": [finding.cause.value for finding in report.findings if finding.replayed is Judgement.REFUTED],
        "smallest_change": change if isinstance(change, str) else None,
        "first_nonfinite": _first_nonfinite(first) if isinstance(first, Mapping) else None,
    }


def _first_nonfinite(first: Mapping[str, Any]) -> Json:
    words = {key: first.get(key) for key in ("phase", "module", "op", "tensor", "file")}
    counts = {key: first.get(key) for key in ("step", "line")}
    return {
        **{key: value if isinstance(value, str) else None for key, value in words.items()},
        **{key: value if type(value) is int else None for key, value in counts.items()},
    }


def _cannot_tell(item: CannotTell) -> Json:
    return {"rule": item.rule, "missing": list(item.missing), "how": item.how}


def _attempt(attempt: Attempt) -> Json:
    return {
        "index": scalar(attempt.index),
        "file": attempt.file,
        "first_line": scalar(attempt.first_line),
        "last_line": scalar(attempt.last_line),
        "first_step": scalar(attempt.first_step),
        "last_step": scalar(attempt.last_step),
        "resumed_from": attempt.resumed_from,
    }


def scalar(value: object) -> str | float | int | bool | None:
    """Turn a value of the model, or the numpy scalar that slipped in for it, into what JSON has."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if not isinstance(value, Real):
        raise TypeError(f"{value!r} has no place in a report")
    number = float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _valid(value: Any) -> Any:
    """``value`` in valid Unicode: lone surrogates, as in undecodable file names, would break other readers."""
    if isinstance(value, dict):
        return {key: _valid(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_valid(item) for item in value]
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value


def dumps(document: Json) -> str:
    """``document`` as strict JSON in ASCII."""
    text = json.dumps(_valid(document), indent=1, allow_nan=False, ensure_ascii=True)
    return text.replace("\x7f", "\\u007f")  # the one control character that is ASCII and that json leaves alone


class JsonReporter:
    """One document ``{"schema_version": 1, "reports": [...]}`` for all answers."""

    def write(self, answers: Iterable[Answer], out: TextIO, style: Style) -> None:
        reports = [_failure(item) if isinstance(item, Failure) else as_dict(item) for item in answers]
        out.write(dumps({"schema_version": SCHEMA_VERSION, "reports": reports}) + "\n")


REPORTER = JsonReporter()
