"""Signs that need few numbers, each beside a run that looks alike and must not show it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from nanlog.engine import diagnose_run
from nanlog.model import Attempt, FactValue, Mark, MarkKind, Report, Run
from runs import make_run

NAN, INF = math.nan, math.inf
CALM = [2.3, 2.2, 2.4, 2.1, 2.0, 2.2, 1.9, 2.0]
BLOWN = [*CALM, 9.0, 80.0, 4e3, 7e9, INF, NAN]
CAFFE: dict[str, FactValue] = {"framework": "caffe", "solver.type": "SGD", "solver.base_lr": 0.1}

Values = Mapping[str, Sequence[float]]


def keys(report: Report, rule: str) -> set[str]:
    """The signs of a rule in a report."""
    return {sign.key for finding in report.findings if finding.rule == rule for sign in finding.signs}


def says(report: Report, rule: str, key: str) -> str:
    (found,) = (
        sign.evidence.says for item in report.findings if item.rule == rule for sign in item.signs if sign.key == key
    )
    return found


def share(report: Report, rule: str) -> float:
    return next((finding.confidence for finding in report.findings if finding.rule == rule), 0.0)


def judged(values: Values, facts: Mapping[str, FactValue] | None = None, marks: Sequence[Mark] = ()) -> Report:
    return diagnose_run(make_run(values, facts=facts, marks=marks))


def died(text: str, step: int = 8) -> Mark:
    return Mark(MarkKind.EXCEPTION, "train.log", 99, step, text)


# -- the rate -------------------------------------------------------------------------------------------------------


def test_growth_soon_after_the_rate_was_raised() -> None:
    raised = judged({"loss": BLOWN, "lr": [*[0.01] * 7, *[0.2] * 7]})
    assert "growth_after_rise" in keys(raised, "lr_too_high")
    assert says(raised, "lr_too_high", "growth_after_rise") == (
        "the rate is raised from 0.01 to 0.2 at step 7; the loss leaves its normal range at step 8"
    )
    constant = judged({"loss": BLOWN, "lr": [0.01] * 14})
    assert "growth_after_rise" not in keys(constant, "lr_too_high")
    long_ago = judged({"loss": [*CALM, *CALM, *BLOWN], "lr": [0.01, *[0.2] * 29]})
    assert {"growth_after_rise", "rate_rose"} & keys(long_ago, "lr_too_high") == {"rate_rose"}


def test_updates_as_large_as_the_weights() -> None:
    weights = [0.3] * 14
    large = judged({"loss": BLOWN, "update/ip/0": [0.09] * 14, "param/ip/0": weights}, CAFFE)
    assert "0.3 times the weights" in says(large, "lr_too_high", "update_as_large")
    usual = judged({"loss": BLOWN, "update/ip/0": [*[3e-4] * 9, *[9.0] * 5], "param/ip/0": weights}, CAFFE)
    assert "update_as_large" not in keys(usual, "lr_too_high")  # what the blow-up made large is no cause of it


def test_growth_of_one_head_alone_speaks_against_the_rate() -> None:
    one = judged({"loss": BLOWN, "loss/box": BLOWN, "loss/class": [*CALM, *CALM[:5], NAN]})
    both = judged({"loss": BLOWN, "loss/box": BLOWN, "loss/class": BLOWN})
    assert "one_head_grew" in keys(one, "lr_too_high")
    assert "one_head_grew" not in keys(both, "lr_too_high")


def attempts(first: Values, second: Values) -> Run:
    """Two trainings in one log, the second begun anew."""
    length = len(first["loss"])
    joined = make_run({name: [*first[name], *second[name]] for name in first})
    attempt = np.repeat([0, 1], [length, len(second["loss"])])
    steps = np.concatenate([np.arange(length), np.arange(len(second["loss"]))])
    table = {name: replace(series, attempt=attempt, step=steps) for name, series in joined.table.items()}
    both = tuple(
        Attempt(index, "train.log", 1 + index * 2 * length, 2 * length * (index + 1), 0, length - 1) for index in (0, 1)
    )
    return replace(joined, table=table, attempts=both)


def test_a_lower_rate_that_broke_as_well_speaks_against_lowering_it() -> None:
    lower = diagnose_run(attempts({"loss": BLOWN, "lr": [0.05] * 14}, {"loss": BLOWN, "lr": [0.5] * 14}))
    assert "step 12, with a rate of at most 0.05" in says(lower, "lr_too_high", "failed_with_lower_rate")
    advised = next(finding for finding in lower.findings if finding.rule == "lr_too_high").remedies
    assert not any("lr of the optimizer" in remedy for remedy in advised)
    same = diagnose_run(attempts({"loss": BLOWN, "lr": [0.5] * 14}, {"loss": BLOWN, "lr": [0.5] * 14}))
    assert "failed_with_lower_rate" not in keys(same, "lr_too_high")
    assert any("lr of the optimizer" in remedy for remedy in same.findings[0].remedies)


def test_a_rate_far_above_what_is_usual_is_set_to_what_is() -> None:
    report = judged({"loss": BLOWN, "lr": [5.0] * 14}, {"hparams.optimizer": "AdamW"})
    assert report.findings[0].remedies[0] == "set lr of the optimizer to 0.01 or less (now 5)"


def test_a_schedule_that_multiplies_the_rate_for_ever() -> None:
    loss = [*CALM, 9.0, 80.0, 4e3, NAN]
    grown = judged({"loss": loss, "lr": [1e-3 * 1.8**k for k in range(12)]})
    assert grown.findings[0].rule == "bad_lr_policy"
    assert "a factor of 1.8 a point" in says(grown, "bad_lr_policy", "rate_grows_exponentially")
    warm = judged({"loss": loss, "lr": [1e-3 * (k + 1) for k in range(12)]})
    assert warm.findings[0].rule == "lr_too_high"


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        ({"hparams.T_max": 0}, "decay_over_no_steps"),
        ({"hparams.warmup_steps": 500, "hparams.max_steps": 300}, "warm_up_without_end"),
    ],
)
def test_a_schedule_that_cannot_work(facts: dict[str, FactValue], key: str) -> None:
    assert key in keys(judged({"loss": BLOWN}, facts), "bad_lr_policy")
    usual: dict[str, FactValue] = {"hparams.T_max": 100, "hparams.warmup_steps": 50, "hparams.max_steps": 300}
    assert not keys(judged({"loss": BLOWN}, usual), "bad_lr_policy")


def test_a_jump_that_nobody_saw_says_less_than_one_between_neighbours() -> None:
    near, far = (diagnose_run(make_run({"loss": [*CALM, NAN]}, every=every)) for every in (5, 30))
    assert ("jump_from_calm" in keys(near, "faulty_input"), "calm_before" in keys(near, "lr_too_high")) == (True, True)
    assert keys(far, "faulty_input") == {"jump_over_unseen_steps"}
    assert "calm_before_unseen_steps" in keys(far, "lr_too_high")
    assert share(far, "faulty_input") < share(near, "faulty_input")
    assert share(far, "lr_too_high") > share(near, "lr_too_high")


# -- the data -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "IndexError: Target 10 is out of bounds.",
        "Assertion `t >= 0 && t < n_classes` failed.",
        "Check failed: label_value < prob_.shape(softmax_axis_) (10 vs. 10)",
    ],
)
def test_a_label_that_the_framework_says_is_out_of_range(text: str) -> None:
    report = judged({"loss": [*CALM, NAN]}, marks=[died(text)])
    assert report.findings[0].rule == "faulty_input"
    assert text in says(report, "faulty_input", "label_out_of_range")
    other = judged({"loss": [*CALM, NAN]}, marks=[died("RuntimeError: CUDA error: out of memory")])
    assert "label_out_of_range" not in keys(other, "faulty_input")


def test_nan_at_the_same_place_of_each_epoch() -> None:
    epoch = [2.3, 2.2, NAN, 2.1, 2.0]
    assert "every 5 steps" in says(judged({"loss": epoch * 4}), "faulty_input", "same_place_each_epoch")
    anywhere = [*epoch, *CALM[:3], NAN, *epoch, 2.0, 2.1]
    assert "same_place_each_epoch" not in keys(judged({"loss": anywhere}), "faulty_input")


def test_evidence_of_a_jump_has_the_numbers_on_both_sides() -> None:
    report = judged({"loss": [*CALM, NAN]})
    (evidence,) = report.findings[0].evidence
    assert evidence.says == "the loss is normal (2) at step 7 and is NaN at step 8"
    assert (evidence.line, evidence.step, evidence.value) == (8, 7, 2.0)


# -- the net --------------------------------------------------------------------------------------------------------


def nonfinite(text: str) -> Mark:
    return Mark(MarkKind.NONFINITE, "train.log", 9, 8, text)


def test_anomaly_mode_that_names_a_logarithm() -> None:
    said = "Function 'LogBackward0' returned nan values in its 0th output."
    assert judged({"loss": CALM}, marks=[nonfinite(said)]).findings[0].rule == "faulty_loss"
    other = "Function 'LogSoftmaxBackward0' returned nan values in its 0th output."
    assert "anomaly_in_log" not in keys(judged({"loss": CALM}, marks=[nonfinite(other)]), "faulty_loss")


NET: dict[str, FactValue] = {
    **CAFFE,
    "net.train.layer[0].name": "bn",
    "net.train.layer[0].type": "BatchNorm",
}


def test_a_running_variance_of_zero() -> None:
    dead = judged({"loss": [*CALM, NAN], "param/bn/1": [*[0.8] * 5, 0.0, 0.0, 0.0, NAN]}, NET)
    assert "variance_zero" in keys(dead, "batchnorm_instability")
    start = judged({"loss": [*CALM, NAN], "param/bn/1": [0.0, *[0.8] * 7, NAN]}, NET)  # before the first update
    assert "variance_zero" not in keys(start, "batchnorm_instability")


def test_an_epsilon_of_zero_among_the_settings() -> None:
    report = judged({"loss": [*CALM, NAN]}, {"hparams.bn_eps": 0.0})
    assert "eps_zero" in keys(report, "batchnorm_instability")
    assert report.findings[0].rule == "batchnorm_instability"
    assert not keys(judged({"loss": [*CALM, NAN]}, {"hparams.bn_eps": 1e-5}), "batchnorm_instability")


def test_a_model_that_is_listed_without_batch_normalisation() -> None:
    late = make_run({"loss": [NAN] * 6}, every=40, first=40)
    assert "batchnorm_instability" in {finding.rule for finding in diagnose_run(late).findings}
    listed: dict[str, FactValue] = {"model.layer[0].type": "Linear", "model.layer[1].type": "ReLU"}
    known = make_run({"loss": [NAN] * 6}, every=40, first=40, facts=listed)
    assert "batchnorm_instability" not in {finding.rule for finding in diagnose_run(known).findings}


def test_parameters_that_are_huge_before_the_first_update() -> None:
    huge = judged({"loss": [1e7, 1e9, NAN], "param/ip/0": [3e6, 3e6, 3e6]}, CAFFE)
    assert "3e+06 before the first update" in says(huge, "bad_initialisation", "parameters_huge")
    grown = judged({"loss": [*CALM, NAN], "param/ip/0": [*[0.1] * 7, 3e6, 3e9]}, CAFFE)
    assert "parameters_huge" not in keys(grown, "bad_initialisation")


# -- sixteen bits ---------------------------------------------------------------------------------------------------

STILL = [2.31, 2.29, 2.33, 2.28, 2.3, 2.34, 2.27, 2.32]


def skipped(step: int, scale: float) -> Mark:
    return Mark(MarkKind.SKIPPED_STEP, "train.log", step + 1, step, "OVERFLOW", value=scale)


def test_a_loss_scaler_that_skips_without_end() -> None:
    marks = [skipped(step, 2.0 ** (8 - step)) for step in range(8)]
    values = {"loss": STILL, "loss_scale": [2.0 ** (7 - k) for k in range(8)]}
    report = judged(values, marks=marks)
    assert report.findings[0].rule == "fp16_overflow"
    assert {"skips_without_end", "scale_at_its_least"} <= keys(report, "fp16_overflow")
    assert not any("GradScaler" in remedy for remedy in report.findings[0].remedies)  # there is one
    assert not keys(judged({"loss": STILL}, marks=marks[:2]), "fp16_overflow")


def test_a_rate_that_is_stuck_at_zero_is_blamed_on_the_scaler() -> None:
    report = judged({"loss": STILL, "lr": [0.0] * 8}, {"framework": "transformers"})
    assert (report.findings[0].rule, keys(report, "fp16_overflow")) == ("fp16_overflow", {"every_update_skipped"})
    assert "bf16=True" in report.findings[0].remedies[0]
