from __future__ import annotations

import ast
import inspect
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labelled_logs import SAMPLES, report_of
from nanlog.engine import diagnose_run, rule_text, rules
from nanlog.model import Cause, FactValue, Report, Rule, Verdict
from nanlog.pipeline import diagnose
from nanlog.rules._weights import weights
from runs import make_run

HEADINGS = ("What it sees", "Why it ends in NaN", "Fires on", "Quiet on", "What to do", "May be wrong when")
NAN = math.nan
CALM = [2.3, 2.2, 2.4, 2.1, 2.0, 2.2, 1.9, 2.0]

each_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)


CASES = {sample.id: sample for sample in SAMPLES}


def report_on(case: str) -> Report:
    return report_of(CASES[case])


def section(rule: Rule, heading: str) -> str:
    text = rule_text(rule.name)
    after = text.partition(f"\n{heading}\n")[2]
    return re.split(r"\n\n", after, maxsplit=1)[0]


def cases(heading: str) -> Iterator[tuple[Rule, str]]:
    for rule in rules():
        for word in re.findall(r"\w+(?:[-_]\w+)+", section(rule, heading)):
            if "_" in word or word in CASES:
                yield rule, word


def share(report: Report, rule: Rule) -> float:
    return next((finding.confidence for finding in report.findings if finding.rule == rule.name), 0.0)


@each_rule
def test_a_rule_is_documented_under_six_headings(rule: Rule) -> None:
    text = rule_text(rule.name)
    assert [heading for heading in HEADINGS if f"\n{heading}\n    " in text] == list(HEADINGS)


@pytest.mark.parametrize(("rule", "case"), list(cases("Fires on")), ids=lambda value: getattr(value, "name", value))
def test_fires_on(rule: Rule, case: str) -> None:
    assert report_on(case).findings[0].rule == rule.name


@pytest.mark.parametrize(("rule", "case"), list(cases("Quiet on")), ids=lambda value: getattr(value, "name", value))
def test_quiet_on(rule: Rule, case: str) -> None:
    assert share(report_on(case), rule) < 0.2


@each_rule
def test_a_rule_has_more_quiet_cases_than_firing_ones(rule: Rule) -> None:
    fires, quiet = ({case for own, case in cases(heading) if own is rule} for heading in ("Fires on", "Quiet on"))
    assert len(quiet) > len(fires)
    assert not fires & quiet


def sign_keys(tree: ast.AST) -> Iterator[str]:
    """Every key a module gives to a sign: literals in the call, and literals assigned to ``key``."""
    for node in ast.walk(tree):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = node.args[:1] if name in ("sign", "Sign") else []
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "key":
            given = [node.value]
        for expression in given:
            parts = [expression.body, expression.orelse] if isinstance(expression, ast.IfExp) else [expression]
            yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


@each_rule
def test_every_sign_has_a_weight_and_every_weight_a_sign(rule: Rule) -> None:
    module = sys.modules[f"nanlog.rules.{rule.name}"]
    literal = set(sign_keys(ast.parse(inspect.getsource(module))))
    if rule.name == "lr_too_high":
        literal |= {"grad_norm_growth", "param_norm_growth"}  # one key per norm, built from its name
    assert literal == set(weights()[rule.name])


def test_every_cause_of_a_rule_has_a_prior() -> None:
    assert {str(rule.cause) for rule in rules()} <= set(weights()["prior"])


def test_confidences_are_shares_of_one() -> None:
    report = diagnose_run(make_run({"loss": [*CALM, 20.0, 400.0, NAN], "lr": [0.5] * 11}))
    assert 0.5 < report.findings[0].confidence < sum(f.confidence for f in report.findings) + 1e-3 <= 1.002


def test_a_lower_rate_is_never_advised_where_it_is_already_nothing() -> None:
    report = diagnose_run(make_run({"loss": [*CALM, NAN], "lr": [0.0] * 9}))
    assert Cause.LR_TOO_HIGH not in [finding.cause for finding in report.findings]


def test_a_lower_rate_is_never_advised_before_the_first_update() -> None:
    report = diagnose_run(make_run({"loss": [NAN, NAN], "lr": [1.0, 1.0]}))
    assert not report.findings or report.findings[0].cause is not Cause.LR_TOO_HIGH


def test_a_bad_rate_is_blamed_on_its_policy() -> None:
    facts: dict[str, FactValue] = {"solver.lr_policy": "poly", "solver.base_lr": 0.1}
    report = diagnose_run(make_run({"loss": [2.3, NAN, NAN], "lr": [NAN, NAN, NAN]}, facts=facts))
    assert report.findings[0].cause is Cause.BAD_LR_POLICY
    assert "max_iter" in report.findings[0].remedies[0]


def test_a_jump_from_calm_leaves_the_cause_open() -> None:
    """Without gradients or activations five causes look alike: no rule may be sure."""
    report = diagnose_run(make_run({"loss": [*CALM, NAN]}))
    assert report.findings[0].confidence < 0.9
    assert report.cannot_tell


def test_half_precision_needs_more_than_its_setting() -> None:
    facts: dict[str, FactValue] = {"net.train.default_forward_type": "FLOAT16"}
    calm = diagnose_run(make_run({"loss": [*CALM, NAN]}, facts=facts))
    near = diagnose_run(make_run({"loss": [*CALM, math.inf], "data/ip1/ip1": [9e3, *[3e4] * 7, math.inf]}, facts=facts))
    assert calm.findings[0].confidence < 0.75
    assert near.findings[0].cause is Cause.FP16_OVERFLOW


def test_a_harmless_nan_is_named_and_leaves_the_run_healthy() -> None:
    report = diagnose_run(make_run({"loss": CALM, "metric/iou": [NAN] * 8}))
    assert report.verdict is Verdict.HEALTHY
    assert [(finding.rule, finding.cause) for finding in report.findings] == [("harmless_nan", Cause.NONE)]


def test_values_at_the_end_of_the_range_of_floats_are_judged_without_a_warning() -> None:
    loss = [1e308, -1e308, 1e308, 1e308, 1.7e308, 1e308]
    assert diagnose_run(make_run({"loss": [*loss, NAN], "lr": [1e308] * 7, "grad_norm": [*loss, NAN]})).findings
    assert diagnose_run(make_run({"loss": loss})).verdict in Verdict


def test_a_log_without_a_loss_is_not_judged() -> None:
    assert diagnose_run(make_run({})).verdict is Verdict.CANNOT_JUDGE


def test_every_sentence_about_a_failure_cites_its_line() -> None:
    for case in ("nan_label_debug", "lr_too_high_linear_debug", "resumed_with_higher_lr"):
        for finding in report_on(case).findings:
            assert all(item.file and item.line for item in (*finding.evidence, *finding.against))


@pytest.mark.parametrize("stride", ["nan", "-inf", "1e999"])
def test_a_net_whose_settings_are_no_numbers_is_judged(stride: str, tmp_path: Path) -> None:
    text = CASES["average_pooling_stride_gt_kernel_debug"].log.read_text(encoding="utf-8")
    (tmp_path / "train.log").write_text(text.replace("stride: 5", f"stride: {stride}"), encoding="utf-8")
    assert diagnose(str(tmp_path / "train.log")).verdict is Verdict.UNHEALTHY


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"hparams.adam_epsilon": 0.0}, "adam_epsilon: 0"),
        ({"model.layer_norm_eps": 0}, "layer_norm_eps: 0"),
        ({"hparams.T_max": 0}, "t_max: 0"),
        ({"hparams.max_grad_norm": 0.0}, "max_grad_norm: 0"),
        ({"hparams.warmup_steps": 500, "hparams.max_steps": 300}, "never ends"),
    ],
)
def test_a_setting_that_can_end_in_nan_is_a_note(facts: dict[str, FactValue], words: str) -> None:
    notes = [note.says for note in diagnose_run(make_run({"loss": CALM}, facts=facts)).notes]
    assert [words in note for note in notes] == [True]


@pytest.mark.parametrize(
    "facts",
    [
        {"hparams.adam_epsilon": 1e-8, "hparams.max_grad_norm": 1.0, "hparams.logging_nan_inf_filter": False},
        {"hparams.warmup_steps": 0, "hparams.max_steps": 300, "hparams.steps": 0, "hparams.eps_name": "none"},
    ],
)
def test_a_usual_setting_is_no_note(facts: dict[str, FactValue]) -> None:
    assert diagnose_run(make_run({"loss": CALM}, facts=facts)).notes == ()


def test_a_rule_that_is_left_out_is_no_part_of_any_confidence() -> None:
    run = make_run({"loss": [*CALM, NAN]})
    everything = diagnose_run(run)
    first = everything.findings[0].rule
    rest = diagnose_run(run, [rule for rule in rules() if rule.name != first])
    assert first not in {finding.rule for finding in rest.findings}
    assert first not in {untold.rule for untold in rest.cannot_tell}
    before = {finding.rule: finding.confidence for finding in everything.findings}
    assert all(finding.confidence > before.get(finding.rule, 0.0) for finding in rest.findings)


def test_the_verdict_and_the_onset_do_not_hang_on_the_rules() -> None:
    run = make_run({"loss": [*CALM, NAN]})
    report = diagnose_run(run, [])
    assert (report.verdict, report.findings, report.cannot_tell) == (Verdict.UNHEALTHY, (), ())
    assert repr(report.onset) == repr(diagnose_run(run).onset)


def test_a_first_logged_step_that_is_not_the_first_step_leaves_the_causes_open() -> None:
    late = diagnose_run(make_run({"loss": [NAN] * 6}, every=40, first=40))
    assert {"lr_too_high", "bad_initialisation"} <= {finding.rule for finding in late.findings}
    early = diagnose_run(make_run({"loss": [NAN] * 6}))
    assert early.findings[0].rule == "bad_initialisation"


def test_streams_side_by_side_are_no_restart() -> None:
    run = make_run({"loss": [*CALM, NAN, NAN], "loss/part": [*CALM, NAN, NAN]})
    part = replace(run.table["loss/part"], file=np.ones(10, np.int64))
    run = replace(run, files=("train.log", "part.log"), table={**run.table, "loss/part": part})
    assert "bad_initialisation" not in {finding.rule for finding in diagnose_run(run).findings}
