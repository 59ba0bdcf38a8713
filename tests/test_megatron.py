"""Megatron-LM: real lines, then those of its versions and descendants."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labelled_logs import Sample, samples_of
from nanlog.model import MarkKind
from nanlog_parsers.megatron import PARSER
from text_logs import first_bad, marks, points, run_of

SAMPLES = samples_of("megatron")


def line(
    step: int, fields: str = "lm loss: 2.307089E+00", *, skipped: int = 0, nan: int = 0, scale: str = "1.0"
) -> str:
    return (
        f" [2026-11-23 02:26:39.929707] iteration {step:8d}/     300 | consumed samples: {step * 64:12d} | "
        f"elapsed time per iteration (ms): 545.3 | learning rate: 1.000000E-01 | global batch size:    64 | "
        f"{fields + ' | ' if fields else ''}loss scale: {scale} | grad norm: 0.233 | "
        f"number of skipped iterations: {skipped:3d} | number of nan iterations: {nan:3d} |\n"
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_steps_and_lines_are_those_of_the_label(sample: Sample) -> None:
    text = sample.log.read_bytes()
    run = run_of(PARSER, text)
    assert PARSER.score("train.log", text[:65536]) >= 0.9
    assert run.unread_count == 0
    by_series = sample.label.get("onset_by_series", {})
    for name, original in (("grad_norm", "grad norm"), ("val/loss", "validation lm loss")):
        bad = first_bad(run, name)
        assert (bad and bad[0]) == by_series.get(original)
    skipped = marks(run, MarkKind.SKIPPED_STEP)
    assert (skipped[0][0] if skipped else None) == by_series.get("number of skipped iterations")
    counted = marks(run, MarkKind.NONFINITE)
    assert (counted[0][0] if counted else None) == by_series.get("number of nan iterations")


def test_a_missing_loss_is_nan_where_the_line_counts_nan_iterations() -> None:
    run = run_of(PARSER, line(10) + line(20, "", nan=3) + line(30, "", nan=10))
    assert first_bad(run, "loss") == (20, 2)
    assert marks(run, MarkKind.NONFINITE)[0] == (20, 2, "number of nan iterations: 3")


def test_a_missing_loss_is_a_gap_where_nothing_says_so() -> None:
    run = run_of(PARSER, line(10) + line(20, "") + line(30))
    assert list(points(run, "loss")) == [10, 30]
    assert first_bad(run, "loss") is None
    assert marks(run, MarkKind.NONFINITE) == []


def test_a_nan_in_a_skipped_iteration_is_not_in_the_mean() -> None:
    run = run_of(PARSER, line(10, skipped=1, nan=1, scale="32768.0"))
    assert first_bad(run, "loss") is None
    assert len(marks(run, MarkKind.NONFINITE)) == len(marks(run, MarkKind.SKIPPED_STEP)) == 1


def test_only_the_losses_without_a_field_are_nan() -> None:
    run = run_of(PARSER, line(10, "lm loss: 2.3E+00 | sop loss: 0.7E+00") + line(20, "sop loss: 0.6E+00", nan=1))
    assert first_bad(run, "loss") == (20, 2)
    assert first_bad(run, "loss/sop") is None


def test_a_log_that_begins_with_nan_has_a_loss_all_the_same() -> None:
    assert first_bad(run_of(PARSER, line(10, "", nan=10)), "loss") == (10, 1)


def test_each_skipped_iteration_is_a_mark_with_the_new_scale() -> None:
    run = run_of(PARSER, line(5, skipped=3, scale="524288.0") + line(10))
    skipped = [mark for mark in run.marks if mark.kind is MarkKind.SKIPPED_STEP]
    assert [(mark.step, mark.line, mark.value) for mark in skipped] == [(5, 1, 524288.0)] * 3


def test_a_counter_that_cannot_be_is_bounded_by_the_interval() -> None:
    run = run_of(PARSER, line(5, skipped=999_999) + line(10, skipped=999_999))
    assert len(marks(run, MarkKind.SKIPPED_STEP)) == 10


@pytest.mark.parametrize(
    ("word", "value"), [("NAN", math.nan), ("INF", math.inf), ("nan", math.nan), ("-INF", -math.inf)]
)
def test_capitals(word: str, value: float) -> None:
    text = line(100) + f" validation loss at iteration 100 | lm loss value: {word} | lm loss PPL: {word} | \n"
    run = run_of(PARSER, text + line(101, f"lm loss: {word}"))
    assert np.isclose(points(run, "val/loss")[100], value, equal_nan=True)
    assert np.isclose(points(run, "loss")[101], value, equal_nan=True)
    assert set(run.table) == {"loss", "val/loss", "lr", "loss_scale", "grad_norm"}


@pytest.mark.parametrize(
    ("prefix", "series", "step"),
    [
        ("iteration 100", "val/loss", 100),
        ("iteration 100 on validation set", "val/loss", 100),
        ("iteration 100 on test set", "val/loss", 100),
        ("the end of training for val data", "val/loss", 300),
    ],
)
def test_where_the_validation_was(prefix: str, series: str, step: int) -> None:
    run = run_of(
        PARSER, line(300) + f" validation loss at {prefix} | lm loss value: 1.5E+00 | lm loss PPL: 4.5E+00 | \n"
    )
    assert points(run, series) == {step: 1.5}


def test_validation_and_test_set_are_two() -> None:
    text = line(300) + "".join(
        f" validation loss at iteration 300 on {name} set | lm loss value: {value} | \n"
        for name, value in (("validation", 1.5), ("test", 1.75))
    )
    run = run_of(PARSER, text)
    assert (points(run, "val/loss"), points(run, "val1/loss")) == ({300: 1.5}, {300: 1.75})


def test_norms_and_zeros() -> None:
    run = run_of(
        PARSER, line(10, "lm loss: 2.0E+00 | params norm: 5.125 | num zeros: 12.0 | load_balancing_loss: 1.0E+00")
    )
    assert points(run, "param_norm") == {10: 5.125}
    assert points(run, "metric/num zeros") == {10: 12.0}
    assert points(run, "loss/load_balancing") == {10: 1.0}


def test_the_lines_of_gpt_neox() -> None:
    text = (
        "  samples/sec: 12.3 | iteration       10/  320000 | elapsed time per iteration (ms): 1234.5 | "
        "learning rate: 3.000E-06 | approx flops per GPU: 45.6TFLOPS | lm_loss: nan | loss scale: 4096.0 | "
        "number of skipped iterations:   0 | number of nan iterations:   1 |\n"
    )
    assert PARSER.score("train.log", text.encode()) >= 0.9
    run = run_of(PARSER, text)
    assert first_bad(run, "loss") == (10, 1)
    assert set(run.table) == {"loss", "lr", "loss_scale"}


def test_the_prefix_of_the_last_rank() -> None:
    run = run_of(PARSER, "[default0]:starting\n" + "".join(f"[default7]:{line(k)}" for k in (10, 20)))
    assert list(points(run, "loss")) == [10, 20]
    assert set(run.table) == {"loss", "lr", "loss_scale", "grad_norm"}


def test_settings_and_events() -> None:
    run = run_of(
        PARSER,
        "------------------------ arguments ------------------------\n"
        "  bf16 ............................................ True\n"
        "  clip_grad ....................................... 1.0\n"
        "  lr .............................................. 0.1\n"
        "  num_layers ...................................... 24\n"
        "  optimizer ....................................... adam\n"
        "  load ............................................ None\n"
        "-------------------- end of arguments ---------------------\n"
        "  successfully loaded checkpoint from /data/ckpt [ t 1/8, p 1/1 ] at iteration 5000\n"
        "[before the start of training step] datetime: 2026-11-23 02:26:28 \n"
        + line(5010)
        + "  successfully saved checkpoint from iteration    5010 to /data/ckpt [ t 1/8, p 1/1 ]\n"
        "[exiting program after receiving SIGTERM.] datetime: 2026-11-23 02:26:28 \n",
    )
    facts = {fact.key: fact.value for fact in run.facts}
    assert facts["hparams.clip_grad"] == 1.0
    assert facts["hparams.num_layers"] == 24
    assert facts["precision"] == "bf16"
    assert facts["optimizer"] == "adam"
    assert marks(run, MarkKind.RESUME) == [(5000, 9, "/data/ckpt")]
    assert marks(run, MarkKind.CHECKPOINT) == [(5010, 12, "/data/ckpt")]
    assert marks(run, MarkKind.STOPPED_EARLY)[0][:2] == (5010, 13)
    assert len(run.attempts) == 1
    assert run.fact("hparams.lr") is not None


@pytest.mark.parametrize(
    "what", ["forward loss calculation", "grad norm in backward pass before data-parallel communication"]
)
def test_the_check_for_nan_says_which_phase(what: str) -> None:
    message = f"AssertionError: Rank 3: found NaN in local {what}. Device: 3, node: worker"
    text = (
        line(10) + f'[rank3]: Traceback (most recent call last):\n[rank3]:   File "t.py", line 3\n[rank3]: {message}\n'
    )
    run = run_of(PARSER, text)
    (mark,) = [mark for mark in run.marks if mark.kind is MarkKind.NONFINITE]
    assert (mark.line, mark.phase, mark.text) == (4, "forward" if "forward" in what else "backward", message)
    assert marks(run, MarkKind.EXCEPTION) == [(None, 4, message)]


def test_skipped_updates_of_megatron_deepspeed() -> None:
    overflow = "[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, reducing to 32768\n"
    run = run_of(PARSER, line(10) + overflow + line(11))
    assert [mark[:2] for mark in marks(run, MarkKind.SKIPPED_STEP)] == [(11, 2)]
    assert points(run, "loss_scale") == {10: 1.0, 11: 1.0}
    assert set(run.table) == {"loss", "lr", "loss_scale", "grad_norm"}


def test_a_loss_that_cannot_be_read_is_told() -> None:
    assert run_of(PARSER, line(10) + line(20, "lm loss: 2.30x")).unread_count == 1


@pytest.mark.parametrize("text", ["iteration 3/10 | loss: 1", "iteration 3, loss = 2", "a | b | c", ""])
def test_other_logs_are_left_alone(text: str) -> None:
    assert PARSER.score("train.log", text.encode()) == 0.0
