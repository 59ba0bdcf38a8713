"""nanoGPT: real logs, then lines of its descendants."""

from __future__ import annotations

import math

import pytest

from labelled_logs import Sample, samples_of
from nanlog.model import MarkKind, Stage
from nanlog_parsers.nanogpt import PARSER
from text_logs import first_bad, marks, points, run_of

SAMPLES = samples_of("nanogpt")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_steps_and_lines_are_those_of_the_label(sample: Sample) -> None:
    text = sample.log.read_bytes()
    run = run_of(PARSER, text)
    assert PARSER.score("train.log", text[:65536]) >= 0.9
    assert run.unread_count == 0
    onset = sample.label["onset_step"]
    assert first_bad(run, "loss") == (None if onset is None else (onset, sample.label["onset_line"]))
    by_series = sample.label.get("onset_by_series", {})
    for name, original in (("val/loss", "val loss"), ("loss_smoothed", "train loss")):
        bad = first_bad(run, name)
        assert (bad and bad[0]) == by_series.get(original)


def test_every_iter_line_is_a_point() -> None:
    sample = next(sample for sample in SAMPLES if sample.id == "lr_too_high_nanogpt")
    text = sample.log.read_text()
    assert len(run_of(PARSER, text).table["loss"]) == text.count("iter ")


def test_an_evaluation_uses_the_parameters_before_the_step() -> None:
    run = run_of(PARSER, "step 100: train loss 3.2890, val loss nan\niter 100: loss nan, time 12.34ms, mfu -100.00%\n")
    assert run.table["val/loss"].info.stage is Stage.EVALUATION
    assert run.table["val/loss"].info.stage < run.table["loss"].info.stage
    assert run.table["loss_smoothed"].info.smoothed


@pytest.mark.parametrize("speed", [", time 12.34ms", ", time 12.34ms, mfu 0.13%", ", time 1.2s, mfu nan%"])
def test_speeds_are_no_series(speed: str) -> None:
    assert set(run_of(PARSER, f"iter 0: loss 10.9, time 1.00ms\niter 1: loss 9.5{speed}\n").table) == {"loss"}


def test_other_values_of_descendants_are_kept() -> None:
    run = run_of(PARSER, "iter 5: loss 2.5, time 3.00ms, mfu 1.00%, lr 6e-4, grad norm inf\n")
    assert points(run, "lr") == {5: 6e-4}
    assert points(run, "grad_norm") == {5: math.inf}


@pytest.mark.parametrize("word", ["nan", "-nan", "inf", "-inf"])
def test_what_is_not_finite(word: str) -> None:
    run = run_of(PARSER, f"iter 0: loss 1.0, time 1.00ms\niter 1: loss {word}, time 1.00ms\n")
    assert first_bad(run, "loss") == (1, 2)


def test_settings_checkpoints_and_the_beginning() -> None:
    run = run_of(
        PARSER,
        "Overriding: learning_rate = 0.001\nOverriding: compile = False\nnumber of parameters: 10.65M\n"
        "step 250: train loss 2.1, val loss 2.2\nsaving checkpoint to out\niter 250: loss 2.1, time 9.00ms, mfu 1.00%\n"
        "Resuming training from out\n",
    )
    assert {fact.key: fact.value for fact in run.facts if fact.key.startswith("hparams.")} == {
        "hparams.learning_rate": 0.001,
        "hparams.compile": False,
    }
    assert marks(run, MarkKind.START) == [(None, 3, "")]
    assert marks(run, MarkKind.CHECKPOINT) == [(250, 5, "out/ckpt.pt")]
    assert marks(run, MarkKind.RESUME) == [(None, 7, "out/ckpt.pt")]


def test_a_line_that_is_cut_off_is_told() -> None:
    assert run_of(PARSER, "iter 0: loss 1.0, time 1.00ms\niter 10: loss").unread_count == 1
    assert run_of(PARSER, "iter 0: loss 1.0, time 1.00ms\niter 10: lo").unread_count == 0


def test_anomaly_mode_names_the_backward_pass() -> None:
    message = "RuntimeError: Function 'PowBackward0' returned nan values in its 0th output."
    run = run_of(
        PARSER, f'iter 0: loss 1.0, time 1.00ms\nTraceback (most recent call last):\n  File "t.py"\n{message}\n'
    )
    assert marks(run, MarkKind.EXCEPTION) == marks(run, MarkKind.NONFINITE) == [(None, 4, message)]


@pytest.mark.parametrize("text", ["iter 3: 0.5", "step 3: loss 1", "iteration 3: loss 1, time 2ms", "", "\0" * 50])
def test_other_logs_are_left_alone(text: str) -> None:
    assert PARSER.score("train.log", text.encode()) == 0.0
