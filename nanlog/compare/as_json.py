"""The comparison for other programs: strict JSON, as the reports are."""

from __future__ import annotations

from typing import Any

from nanlog.model import Report
from nanlog.report.as_json import dumps, scalar

from . import Bad, Comparison, Point

__all__ = ["as_json"]


def as_json(found: Comparison, run_ids: tuple[str | None, str | None]) -> str:
    """One document; the fields are in ``docs/store.md``."""
    return dumps(
        {
            "schema_version": 1,
            "a": _side(found.a, found.bad_a, run_ids[0]),
            "b": _side(found.b, found.bad_b, run_ids[1]),
            "first_to_go_bad": found.first,
            "facts": [
                {
                    "key": each.key,
                    "group": each.group,
                    "a": None if each.a is None else scalar(each.a.value),
                    "b": None if each.b is None else scalar(each.b.value),
                }
                for each in found.facts
            ],
            "facts_alike": found.alike,
            "series": [
                {
                    "series": each.name,
                    "common_steps": each.common,
                    "first_difference": _point(each.differs),
                    "parts": _point(each.parts),
                }
                for each in found.curves
            ],
            "only_in_a": list(found.only_a),
            "only_in_b": list(found.only_b),
        }
    )


def _side(report: Report, bad: Bad | None, run_id: str | None) -> dict[str, Any]:
    first = report.findings[0] if report.findings and bad is not None else None
    return {
        "run_id": run_id,
        "source": report.run.source,
        "parser": report.run.parser,
        "verdict": report.verdict.value,
        "pattern": None if report.onset is None else report.onset.pattern.value,
        "bad": None if bad is None else {"step": bad.step, "series": bad.series, "value": scalar(bad.value)},
        "cause": None if first is None else first.cause.value,
        "confidence": None if first is None else scalar(first.confidence),
        "points": sum(map(len, report.run.table.values())),
        "lines": report.run.lines,
    }


def _point(point: Point | None) -> dict[str, Any] | None:
    return None if point is None else {"step": point.step, "a": scalar(point.a), "b": scalar(point.b)}
