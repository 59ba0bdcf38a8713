"""Two runs side by side: what they state differently, where their curves part, which went bad first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nanlog.model import Report, Run, Series, Verdict

from ._curves import Curve, Point, curve
from ._facts import FactDifference, differing_facts

__all__ = ["Bad", "Comparison", "Curve", "FactDifference", "Point", "compare"]

Side = Literal["a", "b", "both"]


@dataclass(frozen=True, slots=True)
class Bad:
    """Where a run went bad; ``series`` is None where the log shows no value for it, ``value`` where it only grew."""

    step: int | None
    series: str | None
    value: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What two reports come to.

    ``curves`` are the series that both runs have: first those that part, in the order in which they do, then those that
    differ, then the others.  ``alike`` counts the facts that are the same.  ``first`` says which run went bad first;
    None where neither did, or no step says which.
    """

    a: Report
    b: Report
    bad_a: Bad | None
    bad_b: Bad | None
    first: Side | None
    facts: tuple[FactDifference, ...]
    alike: int
    curves: tuple[Curve, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def compare(a: Report, b: Report) -> Comparison:
    """Compare two runs.

    Of a log that holds several trainings, the facts are those of the one that the report is about; its curves are those
    up to its end, and of a step that was made again the last value counts.
    """
    bad_a, bad_b = _bad(a), _bad(b)
    facts, alike = differing_facts(_judged(a).facts, _judged(b).facts)
    table_a, table_b = _table(a), _table(b)
    common = [name for name in table_a if name in table_b]
    curves = [curve(table_a[name], table_b[name]) for name in common]
    curves.sort(key=lambda each: _order(each, table_a[each.name]))
    return Comparison(
        a, b, bad_a, bad_b, _first(bad_a, bad_b), facts, alike, tuple(curves),
        tuple(name for name in table_a if name not in table_b), tuple(name for name in table_b if name not in table_a),
    )  # fmt: skip


def _bad(report: Report) -> Bad | None:
    onset = report.onset
    if report.verdict is not Verdict.UNHEALTHY or onset is None:
        return None
    return Bad(onset.departure_step if onset.step is None else onset.step, onset.series, onset.value)


def _first(a: Bad | None, b: Bad | None) -> Side | None:
    if a is None or b is None:
        return "a" if a is not None else "b" if b is not None else None
    if a.step is None or b.step is None:
        return None
    return "both" if a.step == b.step else "a" if a.step < b.step else "b"


def _attempt(report: Report) -> int | None:
    """The training that the report is about; None where that is all there is."""
    several = len(report.run.attempts) > 1 and report.onset is not None
    return report.onset.attempt if several and report.onset is not None else None


def _judged(report: Report) -> Run:
    attempt = _attempt(report)
    return report.run if attempt is None else report.run.of_attempt(attempt)


def _table(report: Report) -> dict[str, Series]:
    last = _attempt(report)
    if last is None or report.verdict is not Verdict.UNHEALTHY:
        return dict(report.run.table)
    cut = {name: series.where(series.attempt <= last) for name, series in report.run.table.items()}
    return {name: series for name, series in cut.items() if len(series)}


def _order(each: Curve, series: Series) -> tuple[int, int, int, int]:
    """Parted ones first, by step and by their place inside the step; then those that differ."""
    causal = series.info.stage, series.info.rank
    if each.parts is not None:
        return 0, each.parts.step, *causal
    return (2, 0, *causal) if each.differs is None else (1, each.differs.step, *causal)
