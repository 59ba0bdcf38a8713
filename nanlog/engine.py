"""Runs the rules over the onset, weighs their signs, orders the findings, keeps what could not be judged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np

from nanlog.model import (
    CannotTell,
    Case,
    Cause,
    Evidence,
    Finding,
    Judgement,
    MarkKind,
    Onset,
    Pattern,
    Report,
    Rule,
    Run,
    Verdict,
)
from nanlog.onset import locate, main_loss, without_padding
from nanlog.rules import all_rules, rule_module
from nanlog.rules._frameworks import advice_for
from nanlog.rules._hazards import hazards
from nanlog.rules._replay import replay_test
from nanlog.rules._view import PRECISION_KEYS, SEED_KEYS, view_of
from nanlog.rules._weights import prior, weight

#: Findings below this share are not worth a reader's time.
_WORTH_SAYING = 0.01
#: One finite value proves nothing about a training.
_FEWEST = 2
#: So many different remarks of a log are repeated.
_MOST_NOTES = 6
#: From this share on the log has decided; below, causes that have a tenth of the first one's are its rivals.
_DECIDED = 0.75
_RIVAL = 0.1
_MOST_RIVALS = 4
#: A crash prints several lines (the C library, the signal handler, the shell); those so near are one.
_SAME_CRASH = 40


#: Causes of a NaN that does no harm.
_HARMLESS = (Cause.AMP_SKIP, Cause.NONE)


def rules() -> tuple[Rule, ...]:
    """Every rule that takes part in a diagnosis."""
    return all_rules()


def rule_text(name: str) -> str:
    """The documentation of a rule; raises KeyError for a name that no rule has."""
    for rule in all_rules():
        if rule.name == name:
            return rule_module(rule)
    raise KeyError(name)


# Values near the end of the range of floats overflow in a median or a sum; inf is then the right answer, not a warning.
@np.errstate(over="ignore", invalid="ignore")
def diagnose_run(run: Run, rules: Sequence[Rule] | None = None) -> Report:
    """Judge a run: verdict, onset, ranked findings, and what the log could not tell.

    Only ``rules`` take part, all of them where there are none named: what another cause would have scored is no part
    of any confidence then.
    """
    known = all_rules() if rules is None else rules
    onset = locate(run)
    verdict = _verdict(run, onset)
    attempt = run.of_attempt(onset.attempt) if run.attempts else run
    case = Case(without_padding(attempt), onset, run)
    judging = [rule for rule in known if not onset.harmless or rule.cause in _HARMLESS]
    findings = _with_one_test(_ranked(finding for rule in judging for finding in rule.judge(case)), case)
    if verdict is not Verdict.UNHEALTHY:
        shown = onset if verdict is Verdict.HEALTHY else None
        return Report(run, verdict, shown, findings, notes=(*_notes(run), *hazards(view_of(case))))
    cited = {(evidence.file, evidence.line) for finding in findings for evidence in finding.evidence}
    alone = [hazard for hazard in hazards(view_of(case)) if (hazard.file, hazard.line) not in cited]
    missing = tuple(_cannot_tell(attempt, known))
    return Report(run, verdict, onset, findings, missing, (*_notes(run), *alone))


def _verdict(run: Run, onset: Onset) -> Verdict:
    if onset.pattern is not Pattern.HEALTHY and not onset.harmless:
        return Verdict.UNHEALTHY
    loss = main_loss(run)
    return Verdict.HEALTHY if loss is not None and len(loss) >= _FEWEST else Verdict.CANNOT_JUDGE


def _ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings with their confidence, best first.

    Scores are prior + sum of weights; confidence is the softmax over them and over "something not in this list", whose
    score is the prior of ``unknown``.
    """
    scored = [
        (prior(finding.cause) + sum(weight(finding.rule, sign.key) for sign in finding.signs), finding)
        for finding in findings
    ]
    if not scored:
        return ()
    top = max(score for score, _ in scored)
    unknown = prior("unknown")
    highest = max(top, unknown)
    total = sum(math.exp(score - highest) for score, _ in scored) + math.exp(unknown - highest)
    ranked = _one_for_each_cause(sorted(scored, key=lambda pair: (-pair[0], pair[1].rule)))
    weighed = [_weighed(finding, math.exp(score - highest) / total) for score, finding in ranked]
    return tuple(f for rank, f in enumerate(weighed) if f.evidence and (rank == 0 or f.confidence >= _WORTH_SAYING))


def _one_for_each_cause(ranked: list[tuple[float, Finding]]) -> list[tuple[float, Finding]]:
    """The best finding of each cause: a plug-in may judge one that a rule here judges, too."""
    best: dict[Cause, tuple[float, Finding]] = {}
    for score, finding in ranked:
        best.setdefault(finding.cause, (score, finding))
    return list(best.values())


def decided(findings: Sequence[Finding]) -> bool:
    """Whether the first cause is confirmed, or by the log alone so likely that no other is worth a test of its own."""
    return bool(findings) and (findings[0].replayed is Judgement.CONFIRMED or findings[0].confidence >= _DECIDED)


def undecided(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, best first, that the log does not tell apart; empty where it does, or where a replay did.

    They are so few and so likely that the first may well not be it.  What a replay refuted is none of them.
    """
    left = [finding for finding in findings if finding.replayed is not Judgement.REFUTED]
    if not left or decided(left) or left[0].cause in _HARMLESS:
        return ()
    least = max(_RIVAL, left[0].confidence * _RIVAL)
    rivals = tuple(finding for finding in left if finding.confidence >= least)[:_MOST_RIVALS]
    return rivals if len(rivals) > 1 else ()


def _with_one_test(findings: tuple[Finding, ...], case: Case) -> tuple[Finding, ...]:
    """The first finding with the one test that tells it from its rivals, by a replay where nanlog can make one."""
    if not findings or case.onset.pattern is Pattern.HEALTHY or case.onset.harmless:
        return findings
    test = replay_test(view_of(case), undecided(findings) or findings[:1])
    return findings if test is None else (replace(findings[0], next_test=test), *findings[1:])


def _weighed(finding: Finding, confidence: float) -> Finding:
    """Split the signs into evidence for and against, the weightiest first."""
    pairs = sorted(
        ((weight(finding.rule, sign.key), sign.evidence) for sign in finding.signs), key=lambda pair: -abs(pair[0])
    )
    return replace(
        finding,
        confidence=round(confidence, 4),
        evidence=_once(evidence for value, evidence in pairs if value > 0),
        against=_once(evidence for value, evidence in pairs if value < 0),
        remedies=tuple(dict.fromkeys(finding.remedies)),
    )


def _once(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(evidence))


def _cannot_tell(run: Run, known: Iterable[Rule]) -> Iterable[CannotTell]:
    """The rules that lacked a series or a fact, and how to have each logged."""
    names = [*run.table, *(f"fact:{fact.key}" for fact in run.facts), *_under_any_name(run)]
    advice = advice_for(run)
    for rule in known:
        own = getattr(rule, "how", "")  # a rule of a plug-in knows best
        ways: dict[str, list[str]] = {}
        for need in rule.needs if own else filter(None, map(advice.loggable, rule.needs)):
            if not any(fnmatchcase(name, _glob(need)) for name in names):
                ways.setdefault(own or advice.how(need), []).append(need)
        for how, missing in ways.items():
            yield CannotTell(rule.name, tuple(dict.fromkeys(missing)), how)


def _under_any_name(run: Run) -> Iterable[str]:
    """What is known although each framework and script calls it otherwise."""
    keys = {fact.key.rpartition(".")[2].lower() for fact in run.facts}
    if keys & PRECISION_KEYS:
        yield "fact:precision"
    if keys & SEED_KEYS:
        yield "fact:seed"


def _glob(need: str) -> str:
    """A need as a glob: only a trailing ``*`` is a wildcard."""
    stem = need.removesuffix("*").replace("[", "[[]")
    return stem + "*" if need.endswith("*") else stem


def _notes(run: Run) -> Iterable[Evidence]:
    """What a reader should know besides: crashes and interruptions."""
    crash: tuple[str, int] | None = None
    noted: set[str] = set()
    for mark in run.marks:
        if mark.kind in (MarkKind.FATAL, MarkKind.EXCEPTION):
            if crash is None or crash[0] != mark.file or mark.line - crash[1] > _SAME_CRASH:
                yield Evidence(f"the training died: {mark.text}", mark.file, mark.line, step=mark.step)
            crash = (mark.file, mark.line)
        elif mark.kind is MarkKind.NOTE and mark.text not in noted and len(noted) < _MOST_NOTES:
            noted.add(mark.text)
            yield Evidence(mark.text, mark.file, mark.line, step=mark.step)
        elif mark.kind is MarkKind.STOPPED_EARLY:
            yield Evidence("somebody stopped the training early", mark.file, mark.line, step=mark.step)
