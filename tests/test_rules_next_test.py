"""The one test of a report, what the log leaves open, and what to log next time."""

from __future__ import annotations

import math
import shlex

import pytest

from labelled_logs import FAILED, Sample, report_of
from nanlog.engine import decided, diagnose_run, rules, undecided
from nanlog.model import Cause, Fact, FactValue, Finding, Mark, MarkKind, Report
from nanlog.replay.worker.interventions import interventions
from nanlog.rules._advice import Advice
from nanlog.rules._frameworks import advice_for
from nanlog.rules._replay import INTERVENTIONS
from runs import make_run

NAN = math.nan
CALM = [2.3, 2.2, 2.4, 2.1, 2.0, 2.2, 1.9, 2.0]
BLOWN = [*CALM, 9.0, 80.0, 4e3, 7e9, math.inf, NAN]
FRAMEWORKS = (
    "caffe",
    "pytorch",
    "lightning",
    "transformers",
    "keras",
    "nanogpt",
    "megatron-lm",
    "deepspeed",
    "torchtitan",
)

each_failure = pytest.mark.parametrize("sample", FAILED, ids=[f"{s.dialect}-{s.id}" for s in FAILED])


def judged(loss: list[float], framework: str = "pytorch", marks: tuple[Mark, ...] = ()) -> Report:
    return diagnose_run(make_run({"loss": loss}, facts={"framework": framework}, marks=marks))


def command(report: Report) -> list[str]:
    """The words of the command that the next test is, as a shell reads them."""
    said = report.findings[0].next_test or ""
    assert said.startswith("nanlog replay ")
    return shlex.split(said.partition(": ")[0])


def finding(cause: Cause, confidence: float) -> Finding:
    return Finding(str(cause), cause, confidence=confidence)


# -- a replay -------------------------------------------------------------------------------------------------------


def test_interventions_are_those_that_replay_knows_and_speak_about_their_cause() -> None:
    known = {intervention.name: intervention.causes for intervention in interventions()}
    for cause, changes in INTERVENTIONS.items():
        assert any(cause in known[change] for change, _ in changes), cause
        assert {change for change, _ in changes} <= set(known)


def test_every_cause_of_a_rule_has_a_test() -> None:
    untested = {rule.cause for rule in rules()} - set(INTERVENTIONS)
    assert untested == {Cause.BAD_LR_POLICY, Cause.POOLING_STRIDE_GT_KERNEL, Cause.AMP_SKIP, Cause.NONE}


def test_a_jump_is_replayed_with_a_change_for_each_cause_that_is_left_open() -> None:
    marks = (Mark(MarkKind.CHECKPOINT, "train.log", 5, 4, "out dir/ckpt.pt"),)
    words = command(judged([*CALM, NAN], marks=marks))
    assert words[2:4] == ["--checkpoint", "out dir/ckpt.pt"]
    assert words[words.index("--vary") + 1].split(",")[:2] == ["drop_samples", "guard_op"]


def test_a_growth_is_replayed_with_a_lower_rate() -> None:
    report = judged(BLOWN, "lightning")
    assert command(report)[2:] == [
        *("--checkpoint", "last.ckpt"),
        *("--target", "replay_target.py"),
        *("--vary", "lr/10,float32"),
    ]
    assert "a checkpoint before step 8" in (report.findings[0].next_test or "")


@pytest.mark.parametrize("framework", ["caffe", "megatron-lm", "deepspeed", "torchtitan"])
def test_nothing_is_replayed_from_checkpoints_that_nanlog_does_not_read(framework: str) -> None:
    assert "nanlog replay" not in (judged([*CALM, NAN], framework).findings[0].next_test or "")


@pytest.mark.parametrize(
    ("framework", "file"),
    [("pytorch", "untrained.pt"), ("lightning", "untrained.ckpt"), ("transformers", "checkpoint-0")],
)
def test_what_was_bad_before_the_first_update_is_replayed_from_the_untrained_model(framework: str, file: str) -> None:
    words = command(judged([NAN] * 5, framework))
    assert words[3] == file
    assert words[-1] == "restore_weights,drop_samples"


def test_a_checkpoint_that_was_overwritten_is_not_the_one_to_replay_from() -> None:
    marks = (Mark(MarkKind.CHECKPOINT, "train.log", 99, 99, "out/ckpt.pt"),)
    words = command(report := judged([*CALM, NAN], "nanogpt", marks=marks))
    assert words[3] == "earlier.pt"
    assert "or what nanlog record train.py keeps" in (report.findings[0].next_test or "")


def test_a_log_that_begins_after_the_onset_names_no_step_to_replay() -> None:
    run = make_run({"loss": [NAN] * 5, "lr": [9.0] * 5}, first=700, facts={"framework": "pytorch"})
    assert all("nanlog replay" not in (finding.next_test or "") for finding in diagnose_run(run).findings)


def test_a_name_from_the_log_is_one_word_of_the_command() -> None:
    marks = (Mark(MarkKind.CHECKPOINT, "train.log", 5, 4, "a.pt; rm -rf ~"),)
    assert command(judged([*CALM, NAN], marks=marks))[3] == "a.pt; rm -rf ~"


@each_failure
def test_a_report_has_one_test_that_is_no_remedy(sample: Sample) -> None:
    first = report_of(sample).findings[0]
    assert first.next_test
    assert first.next_test not in first.remedies


# -- what is left open ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "open_"),
    [
        ([0.96, 0.02], 0),
        ([0.6], 0),  # something else than what is known, perhaps: there is nothing to tell it from
        ([0.6, 0.04], 0),
        ([0.56, 0.11, 0.11, 0.05], 3),
        ([0.31, 0.25, 0.25], 3),
        ([0.3, 0.2, 0.2, 0.2, 0.1], 4),
    ],
)
def test_causes_that_the_log_does_not_tell_apart(shares: list[float], open_: int) -> None:
    causes = list(INTERVENTIONS)
    findings = [finding(cause, share) for cause, share in zip(causes, shares, strict=False)]
    assert len(undecided(findings)) == open_


def test_a_harmless_nan_leaves_nothing_open() -> None:
    assert undecided([finding(Cause.NONE, 0.5), finding(Cause.AMP_SKIP, 0.4)]) == ()
    assert not decided([])


def test_there_is_one_finding_for_each_cause() -> None:
    for sample in FAILED:
        causes = [each.cause for each in report_of(sample).findings]
        assert len(causes) == len(set(causes))


# -- what to log ----------------------------------------------------------------------------------------------------


def advice(framework: str) -> Advice:
    return advice_for(make_run({"loss": CALM}, facts={"framework": framework}))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_whatever_a_rule_lacks_can_be_logged_or_is_not_asked_for(framework: str) -> None:
    words = advice(framework)
    for rule in rules():
        for need in filter(None, map(words.loggable, rule.needs)):
            assert words.how(need), (rule.name, need)


@pytest.mark.parametrize(
    ("framework", "words"),
    [
        ("caffe", "debug_info: true in solver.prototxt prints them"),
        ("lightning", "self.log_dict(grad_norm(self, norm_type=2)) in on_before_optimizer_step prints them"),
        ("transformers", "logging_steps=1 and logging_nan_inf_filter=False show the step"),
        ("keras", "Keras logs no gradients"),
        ("megatron-lm", "--log-params-norm prints them"),
        ("deepspeed", "log engine.get_global_grad_norm() after each step"),
        ("nanogpt", "print what clip_grad_norm_ returns"),
    ],
)
def test_what_to_log_next_time_is_said_in_the_words_of_the_framework(framework: str, words: str) -> None:
    lacks = judged([*CALM, NAN], framework).cannot_tell
    assert any(item.how.startswith(words) for item in lacks)
    assert {item.rule for item in lacks} <= {rule.name for rule in rules()}


@pytest.mark.parametrize("key", ["precision", "fp16", "torch_dtype"])
def test_a_setting_is_known_by_any_of_its_names(key: str) -> None:
    def lacks(facts: dict[str, FactValue]) -> bool:
        report = diagnose_run(make_run({"loss": [*CALM, NAN]}, facts=facts))
        return any("fact:precision" in item.missing for item in report.cannot_tell)

    assert lacks({"framework": "pytorch"})
    assert not lacks({"framework": "pytorch", f"hparams.{key}": "32"})


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_rate_is_lowered_where_the_framework_keeps_it(framework: str) -> None:
    report = judged(BLOWN, framework)
    assert advice(framework).rate in report.findings[0].remedies[0]
    assert all("solver.prototxt" not in remedy or framework == "caffe" for remedy in report.findings[0].remedies)


def test_epochs_that_another_file_counts_are_not_those_of_the_loss() -> None:
    run = make_run({"loss": [*CALM, NAN]})
    other = Fact("step_unit", "epoch", "validation.log", 1)
    own = Fact("step_unit", "epoch", "train.log", 1)
    for facts, unit in (((other,), "step 8"), ((own,), "epoch 8")):
        stated = type(run)(
            run.source, run.parser, (*run.files, "validation.log"), run.table, facts, attempts=run.attempts
        )
        remedy = diagnose_run(stated).findings[0].remedies[0]
        assert f"of {unit} for NaN" in remedy
