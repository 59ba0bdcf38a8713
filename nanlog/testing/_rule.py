"""The contract of a rule."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from nanlog.model import Case, Cause, Finding, Rule, Run
from nanlog.onset import locate
from nanlog.pipeline import diagnose
from nanlog.rules import all_rules, rule_module
from nanlog.rules._weights import weights

from ._blocks import in_vocabulary
from ._runs import made_runs

__all__ = ["check_rule"]

_HEADINGS = ("What it sees", "Why it ends in NaN", "Fires on", "Quiet on", "What to do", "May be wrong when")
_QUIET = 0.2  #: the confidence that a rule may reach where it should say nothing


def check_rule(
    rule: Rule, fires_on: Iterable[str | Path] = (), quiet_on: Iterable[str | Path] = (), *, facts: Sequence[str] = ()
) -> None:
    """Hold a rule to what :class:`nanlog.model.Rule` promises.

    ``fires_on`` are logs whose first finding must be the rule's, ``quiet_on`` such as must give it next to no
    confidence; for these it must be installed.  ``facts`` are the keys of facts that it looks at and does not need.
    Raises ``AssertionError``.
    """
    _check_words(rule)
    needed = [need.removeprefix("fact:").removesuffix("*") for need in rule.needs if need.startswith("fact:")]
    for run in made_runs([*needed, *facts]):
        _check_judging(rule, run)
    for path in fires_on:
        assert _ranking(rule, path)[:1] == [rule.name], (
            f"{rule.name} is not the first on {path}: {_ranking(rule, path)}"
        )
    for path in quiet_on:
        share = max((found.confidence for found in diagnose(str(path)).findings if found.rule == rule.name), default=0)
        assert share < _QUIET, f"{rule.name} is {share:.0%} sure of {path}"


def _check_words(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,50}", rule.name), f"{rule.name!r} is no word: a-z, 0-9 and _ only"
    assert rule.cause in set(Cause), f"{rule.cause!r} is no cause"
    for need in rule.needs:
        key = need.removesuffix("*")
        known = key.startswith("fact:") or any(in_vocabulary(key + rest) for rest in ("", "x", "/x", "x/x"))
        assert known, f"{rule.name} needs {need!r}, which is no series name and no fact:KEY"
    text = rule_module(rule)
    missing = [heading for heading in _HEADINGS if f"\n{heading}\n    " not in text]
    assert not missing, f"the module of {rule.name} does not say under headings of their own: {', '.join(missing)}"
    worth = _weights(rule)
    assert worth, f"{rule.name} has no weights"
    odd = [sign for sign, nats in worth.items() if not math.isfinite(nats) or nats == 0]
    assert not odd, f"signs of {rule.name} that prove nothing: {', '.join(odd)}"


def _weights(rule: Rule) -> Mapping[str, float]:
    """From the file for a rule of nanlog, from the rule itself for any other."""
    own: Mapping[str, float] | None = weights().get(rule.name)
    return own if own is not None else getattr(rule, "weights", {})


def _check_judging(rule: Rule, run: Run) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        case = Case(run.of_attempt(0), locate(run), run)
        first, again = list(rule.judge(case)), list(rule.judge(case))
    what = f"{rule.name} on {_shown(run)}"
    assert repr(first) == repr(again), f"{what}: two answers to the same question"
    assert len(first) <= 1, f"{what}: more than one finding"
    for finding in first:
        _check_finding(rule, finding, what)


def _check_finding(rule: Rule, finding: Finding, what: str) -> None:
    assert finding.rule == rule.name, f"{what}: a finding of {finding.rule!r}"
    assert finding.cause in set(Cause), f"{what}: {finding.cause!r} is no cause"
    assert finding.signs, f"{what}: a finding without a sign"
    assert not finding.evidence, f"{what}: evidence is left to the engine; a rule gives signs"
    assert not finding.against, f"{what}: evidence against is left to the engine; a rule gives signs"
    unknown = [sign.key for sign in finding.signs if sign.key not in _weights(rule)]
    assert not unknown, f"{what}: signs without a weight: {', '.join(unknown)}"
    said = (*(sign.evidence.says for sign in finding.signs), *finding.remedies, *filter(None, [finding.next_test]))
    for sentence in said:
        assert sentence.strip(), f"{what}: an empty sentence"
        assert "\n" not in sentence, f"{what}: more than one line: {sentence!r}"


def _ranking(rule: Rule, path: str | Path) -> list[str]:
    installed = rule.name in {known.name for known in all_rules()}
    assert installed, f"{rule.name} is not installed: no entry point nanlog.rules leads to it"
    return [finding.rule for finding in diagnose(str(path)).findings]


def _shown(run: Run) -> str:
    series = {name: series.value.tolist()[:12] for name, series in run.table.items()}
    return f"{series} with {[(fact.key, fact.value) for fact in run.facts]}"
