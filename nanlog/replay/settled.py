"""What a replay makes of the causes that a log suggests: the confirmed one first, the refuted ones last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nanlog.model import Cause, Evidence, Finding, Judgement, Report, Verdict

__all__ = ["settled"]

_RANK = {Judgement.CONFIRMED: 0, Judgement.REFUTED: 2}
_OPEN = 1
_MOST = 20  #: reasons for one cause

Judged = dict[Cause, tuple[Judgement, tuple[Evidence, ...]]]


def settled(report: Report, document: Mapping[str, Any]) -> Report:
    """The report with what ``replay.json`` holds taken in; verdict, onset and confidences stay those of the log.

    A cause that was confirmed and that no rule suspected is a finding of its own.  The next test of a cause that was
    confirmed or refuted goes: it was made.  A file may hold anything: what is not as expected is left out.
    """
    if report.verdict is not Verdict.UNHEALTHY:
        return replace(report, replay=document)
    judged = _judged(document)
    suspected = {finding.cause for finding in report.findings}
    unsuspected = (
        Finding(cause.value, cause)
        for cause, (judgement, _) in judged.items()
        if judgement is Judgement.CONFIRMED and cause not in suspected
    )
    cure = tuple(_cure(document))
    found = [_with(finding, judged, cure) for finding in (*report.findings, *unsuspected)]
    findings = sorted(found, key=lambda finding: _rank(finding.replayed))
    return replace(report, findings=tuple(findings), replay=document)


def _rank(judgement: Judgement | None) -> int:
    return _OPEN if judgement is None else _RANK.get(judgement, _OPEN)


def _with(finding: Finding, judged: Judged, cure: tuple[str, ...]) -> Finding:
    """The finding with the reasons of the replay before the signs of the log."""
    judgement, reasons = judged.get(finding.cause, (None, ()))
    tried = replace(finding, replayed=judgement)
    match judgement:
        case Judgement.CONFIRMED:
            remedies = (*cure, *finding.remedies)
            return replace(tried, evidence=(*reasons, *finding.evidence), remedies=remedies, next_test=None)
        case Judgement.REFUTED:
            return replace(tried, against=(*reasons, *finding.against), next_test=None)
        case _:
            return tried


def _judged(document: Mapping[str, Any]) -> Judged:
    """The verdict on each cause and why."""
    known, words = {cause.value: cause for cause in Cause}, {word.value: word for word in Judgement}
    found: Judged = {}
    for each in _objects(document.get("causes")):
        cause, word, because = (each.get(key) for key in ("cause", "verdict", "because"))
        if isinstance(cause, str) and cause in known and isinstance(word, str) and word in words:
            texts = [text for text in because if isinstance(text, str)] if isinstance(because, list) else []
            found[known[cause]] = words[word], tuple(Evidence(f"replay: {text}") for text in texts[:_MOST])
    return found


def _cure(document: Mapping[str, Any]) -> Iterator[str]:
    """The smallest change with which the same steps stayed finite, in words."""
    name = document.get("smallest_change")
    for trial in _objects(document.get("trials")):
        detail = trial.get("detail")
        if isinstance(name, str) and trial.get("intervention") == name and isinstance(detail, str):
            yield f"seen to work in the replay: {detail.partition('; ')[0]} ({name})"
            return


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
