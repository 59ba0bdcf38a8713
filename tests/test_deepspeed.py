"""DeepSpeed: real lines, then the spellings of its versions and optimizers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_logs import Sample, samples_of
from nanlog.model import MarkKind
from nanlog.pipeline import diagnose
from nanlog_parsers._overflows import Overflows, dated
from nanlog_parsers.deepspeed import PARSER
from text_logs import first_bad, marks, points, run_of

SAMPLES = samples_of("deepspeed")
OVERFLOW = (
    "[2026-11-23 02:27:56,424] [INFO] [loss_scaler.py:190:update_scale] [deepspeed] OVERFLOW! Rank 0 Skipping step."
)


def engine(step: int, skipped: int = 0, rate: str = "0.1") -> str:
    return (
        f"[2026-11-23 02:27:56,444] [INFO] [logging.py:107:log_dist] [Rank 0] step={step}, skipped={skipped}, "
        f"lr=[{rate}], mom=[(0.9, 0.999)]\n"
    )


def overflow(before: int, after: int) -> str:
    return f"{OVERFLOW} Attempting loss scale: {before}, reducing to {after}\n"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_steps_and_lines_are_those_of_the_label(sample: Sample) -> None:
    text = sample.log.read_bytes()
    run = run_of(PARSER, text)
    assert PARSER.score("train.log", text[:65536]) >= 0.9
    assert run.unread_count == 0
    skipped = marks(run, MarkKind.SKIPPED_STEP)
    assert len(skipped) == text.count(b"OVERFLOW!")
    onset = sample.label["onset_step"]
    assert [mark[:2] for mark in skipped[:1]] == ([] if onset is None else [(onset, sample.label["onset_line"])])
    assert len(run.table["loss"]) == sample.label["n_points"]
    assert set(run.table) == {"loss", "lr", "loss_scale"}


def test_a_skipped_update_has_the_first_step_it_can_be() -> None:
    text = overflow(8, 4) + overflow(4, 2) + engine(10, 2) + overflow(2, 1) + engine(20, 3) + overflow(1, 1)
    run = run_of(PARSER, text)
    assert [step for step, _, _ in marks(run, MarkKind.SKIPPED_STEP)] == [0, 1, 11, 21]
    assert list(points(run, "loss_scale").values()) == [4.0, 2.0, 1.0, 1.0]


def test_no_more_updates_are_skipped_than_there_were() -> None:
    run = run_of(PARSER, engine(10) + overflow(8, 4) + overflow(4, 2) + overflow(2, 1) + engine(11))
    assert [step for step, _, _ in marks(run, MarkKind.SKIPPED_STEP)] == [11, 11, 11]


def test_a_log_without_any_step_leaves_them_undated() -> None:
    run = run_of(PARSER, overflow(8, 4) + overflow(4, 2))
    assert [step for step, _, _ in marks(run, MarkKind.SKIPPED_STEP)] == [None, None]


HYSTERESIS = "but hysteresis is 2. Reducing hysteresis to 1"
ATTEMPTED = "Skipping step. Attempted loss scale: 65536,"
SPELLINGS = [
    ("[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempting loss scale: 65536, reducing to 32768", 32768.0),
    ("[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536.0, reducing to 32768.0", 32768.0),
    ("[deepscale] OVERFLOW! Rank 3 Skipping step. Attempted loss scale: 65536, reducing to 32768.0", 32768.0),
    (
        f"[deepspeed] fp16 dynamic loss scale overflow! {ATTEMPTED} reducing to 32768",
        32768.0,
    ),
    (
        f"[deepspeed] fp16 dynamic loss scale overflow! Rank 1 {ATTEMPTED} reducing to 3e4",
        3e4,
    ),
    ("[Rank 0] Overflow detected. Skipping step. Attempted loss scale: 65536, reducing to 32768.0", 32768.0),
    ("Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 32768.0", 32768.0),
    ("Gradient overflow.  Skipping step, reducing loss scale to 32768.0", 32768.0),
    (f"[deepspeed] OVERFLOW! Rank 0 {ATTEMPTED} {HYSTERESIS}", 65536.0),
    ("[deepspeed] OVERFLOW! Rank 0 Skipping step.", None),
]


@pytest.mark.parametrize(("text", "scale"), SPELLINGS)
def test_every_spelling_of_a_skipped_update(text: str, scale: float | None) -> None:
    overflows = Overflows()
    assert overflows.read(7, text)
    (skipped,) = overflows.take()
    mark = skipped.mark("train.log", 3)
    assert (mark.kind, mark.line, mark.step, mark.value) == (MarkKind.SKIPPED_STEP, 7, 3, scale)
    assert overflows.take() == []


@pytest.mark.parametrize(
    "text", ["stack overflow", "OVERFLOW", "using dynamic loss scale", "OverflowError: too large", ""]
)
def test_other_overflows_are_none(text: str) -> None:
    assert not Overflows().read(1, text)


def test_the_lines_of_one_update_are_put_together() -> None:
    """As the fused optimizer prints them, on two ranks."""
    text = (
        "Grad overflow on iteration 12\n"
        "[2023-11-06 11:54:09,446] [INFO] [fused_optimizer.py:348:_update_scale] "
        "Reducing dynamic loss scale from 65536 to 32768.0\n"
        "[2023-11-06 11:54:09,446] [INFO] [logging.py:96:log_dist] [Rank 0] Overflow detected. Skipping step. "
        "Attempted loss scale: 65536, reducing to 32768.0\n"
        "Grad overflow on iteration 13\n"
        "Reducing dynamic loss scale from 32768.0 to 16384.0\n"
    )
    run = run_of(PARSER, engine(10) + text + engine(20, 2))
    skipped = [mark for mark in run.marks if mark.kind is MarkKind.SKIPPED_STEP]
    assert [(mark.step, mark.line, mark.value) for mark in skipped] == [(12, 2, 32768.0), (13, 5, 16384.0)]


def test_an_update_that_several_ranks_tell_of_counts_once() -> None:
    told = [
        f"[deepscale] OVERFLOW! Rank {rank} Skipping step. Attempted loss scale: 8, reducing to 4\n"
        for rank in range(4)
    ]
    run = run_of(PARSER, engine(10) + "".join(told) + engine(20, 1))
    assert len(marks(run, MarkKind.SKIPPED_STEP)) == 1


def test_the_same_scale_may_overflow_again_after_it_grew() -> None:
    run = run_of(PARSER, engine(10) + overflow(8, 4) + overflow(8, 4) + engine(3000, 2))
    assert len(marks(run, MarkKind.SKIPPED_STEP)) == 2


@given(st.integers(0, 50), st.none() | st.integers(0, 100), st.none() | st.integers(0, 100))
def test_dates_rise_and_stay_between_the_steps_around(count: int, last: int | None, step: int | None) -> None:
    overflows = Overflows()
    for line in range(count):
        overflows.read(
            line, f"[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempting loss scale: {line}, reducing to 1"
        )
    if step is not None and last is not None and step <= last:
        step = None
    found = dated(overflows.take(), last, step)
    assert len(found) == count
    if last is None and step is None:
        assert set(found) <= {None}
        return
    known = [each for each in found if each is not None]
    assert known == sorted(known)
    assert len(known) == count
    assert all((last is None or each > last) and (step is None or each <= step) for each in known)


def test_the_minimum_of_the_scale_is_a_failure() -> None:
    exception = "Exception: Current loss scale already at minimum - cannot decrease scale anymore. Exiting run."
    losses = "".join(engine(10 * k) + f"step {10 * k} loss: 2.5, loss_scale: 2.0\n" for k in range(1, 5))
    text = losses + overflow(2, 1) + f'Traceback (most recent call last):\n  File "t.py", line 1\n{exception}\n'
    run = run_of(PARSER, text)
    assert marks(run, MarkKind.EXCEPTION) == marks(run, MarkKind.NONFINITE) == [(42, 12, exception)]


def test_a_scale_that_falls_to_its_minimum_is_unhealthy(tmp_path: object) -> None:
    scales = [2**k for k in range(16, 0, -1)]
    text = engine(10) + "step 10 loss: 2.5\n" + "".join(overflow(scale, scale // 2) for scale in scales)
    text += (
        "Traceback (most recent call last):\nException: Current loss scale already at minimum - cannot decrease ...\n"
    )
    log = tmp_path / "train.log"  # type: ignore[operator]
    log.write_text(text)
    assert diagnose(str(log)).verdict == "unhealthy"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("step 10 loss: 2.302018, loss_scale: 524288.0", {"loss": {10: 2.302018}, "loss_scale": {10: 524288.0}}),
        ("steps: 10 loss: 2.3021 iter time (s): 0.123 samples/sec: 130.041", {"loss": {10: 2.3021}}),
        ("step=10, loss=nan, grad_norm=inf", {"loss": {10: math.nan}, "grad_norm": {10: math.inf}}),
        ("Step: 10/300, loss = 2.5, lr = 1e-3", {"loss": {10: 2.5}, "lr": {10: 1e-3}}),
        ("global_step: 10 | train/total_loss: 2.5", {"loss": {10: 2.5}}),
        ("iteration 10 | loss 2.5 |", {"loss": {10: 2.5}}),
        (
            "[2026-11-23 02:27:56,444] [INFO] [train.py:3:main] step 10: objective loss=2.5",
            {"loss": {10: 2.5}},
        ),
        ("loss: 2.5", {"loss": {-1: 2.5}}),
    ],
)
def test_the_lines_of_the_script(text: str, expected: dict[str, dict[int, float]]) -> None:
    run = run_of(PARSER, text + "\n")
    found = {name: points(run, name) for name in run.table}
    assert str(found) == str(expected)


@pytest.mark.parametrize(
    "text",
    [
        "[2026-11-23 02:27:56,444] [INFO] [timer.py:264:stop] epoch=0/micro_step=9/global_step=9, CurrSamplesPerSec=5",
        "time (ms) | fwd_microstep: 12.3 | bwd_microstep: 4.5",
        "[2026-11-23 02:27:56,444] [INFO] [utils.py:785:see_memory_usage] MA 0.5 GB Max_MA 0.5 GB",
        "downloading 45%: 3 of 8",
    ],
)
def test_other_lines_are_passed_over(text: str) -> None:
    assert run_of(PARSER, engine(10) + text + "\n").table.keys() == {"lr"}


def test_steps_that_begin_anew_with_each_epoch_are_counted_through() -> None:
    text = "".join(f"epoch: {epoch}, step: {step}, loss: 2.5\n" for epoch in range(3) for step in range(5))
    run = run_of(PARSER, text)
    assert list(points(run, "loss")) == list(range(15))
    assert len(run.attempts) == 1


def test_rates_of_several_groups() -> None:
    run = run_of(PARSER, engine(10, rate="0.1, nan"))
    assert points(run, "lr") == {10: 0.1}
    (group,) = run.table.keys() - {"lr"}
    assert group.startswith("lr/")
    assert first_bad(run, group) == (10, 1)


def test_settings_and_checkpoints() -> None:
    head = "[2026-11-23 02:27:56,444] [INFO] "
    run = run_of(
        PARSER,
        f"{head}[logging.py:107:log_dist] [Rank 0] DeepSpeed info: version=0.16.4, git-hash=unknown\n"
        f"{head}[config.py:1000:print]   fp16_enabled ................. True\n"
        f"{head}[config.py:1000:print]   gradient_clipping ............ 1.0\n"
        + engine(100)
        + f"{head}[logging.py:107:log_dist] [Rank 0] Saving model checkpoint: ckpt/global_step100/mp_rank_00.pt\n"
        f"{head}[torch_checkpoint_engine.py:21:save] [Torch] Saving ckpt/global_step100/mp_rank_00_model_states.pt...\n"
        f"{head}[torch_checkpoint_engine.py:27:load] [Torch] Loading checkpoint from ckpt/global_step50/x.pt...\n",
    )
    facts = {fact.key: fact.value for fact in run.facts}
    assert facts["framework_version"] == "0.16.4"
    assert facts["precision"] == "fp16"
    assert facts["hparams.gradient_clipping"] == 1.0
    assert [mark[:2] for mark in marks(run, MarkKind.CHECKPOINT)] == [(100, 5)]
    assert marks(run, MarkKind.RESUME) == [(50, 7, "ckpt/global_step50/x.pt")]


@pytest.mark.parametrize("text", ["step=10, loss=2", "OVERFLOW", "[INFO] step=3", "", "deepspeed train.py"])
def test_other_logs_are_left_alone(text: str) -> None:
    assert PARSER.score("train.log", text.encode()) == 0.0
