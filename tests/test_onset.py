from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog.model import FactValue, Mark, MarkKind, Pattern, Run
from nanlog.onset import growth_to_end, locate, overwritten_checkpoint
from runs import make_run

NAN, INF = math.nan, math.inf
CALM = [2.3, 2.2, 2.4, 2.1, 2.0, 2.2, 1.9, 2.0]
CEILING = -math.log(float(np.finfo(np.float32).tiny))


@pytest.mark.parametrize(
    ("loss", "pattern"),
    [
        (CALM, Pattern.HEALTHY),
        ([*CALM, NAN, NAN], Pattern.SUDDEN_JUMP),
        ([*CALM, 8.0, 90.0, 4e5, INF, NAN], Pattern.GRADUAL_GROWTH),
        ([*CALM, 90.0, NAN], Pattern.GRADUAL_GROWTH),
        ([NAN] * 5, Pattern.FROM_START),
        ([*CALM, 30.0, 500.0, 8e4, 1e9, 1e14], Pattern.DIVERGENCE),
        ([*CALM, *[CEILING] * 6], Pattern.MASKED),
        ([*CALM, NAN, 2.0, 2.1, 1.9], Pattern.TRANSIENT),
    ],
)
def test_the_pattern_is_judged_on_the_loss(loss: list[float], pattern: Pattern) -> None:
    assert locate(make_run({"loss": loss})).pattern is pattern


@pytest.mark.parametrize(
    "loss",
    [
        [-value for value in CALM],
        [11470.0, 900.0, 40.0, 2.0, 1.1, 1.0, 0.9],  # falls from a high start
        [*CALM, 90.0, *CALM],  # a spike that recovers
        [0.1, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.8],  # rises for a good reason
        [1e-4, 0.1, 0.4, 0.008, 0.37, 0.3, 2e-4, 0.1, 8e-5, 0.5, 0.8, 1.0, 0.1, 1.6],  # batches of one
        [4e8, 3.9e8, 3.8e8, 3.9e8, 3.7e8],  # a regression on raw targets
        [CEILING, 2.3, 2.2, 2.1, 2.0],  # saturated at the start only
        [0.0] * 10,
        [5.0],
        [],
    ],
)
def test_a_finite_loss_that_does_not_run_away_is_healthy(loss: list[float]) -> None:
    assert locate(make_run({"loss": loss})).pattern is Pattern.HEALTHY


def test_the_rate_goes_first_when_both_turn_bad_at_one_step() -> None:
    onset = locate(make_run({"loss": [*CALM, NAN], "lr": [*[0.1] * 8, NAN]}, every=10))
    assert (onset.pattern, onset.series, onset.step) == (Pattern.INVALID_LR, "lr", 80)


def test_a_rate_that_overflows_after_the_loss_is_not_the_onset() -> None:
    onset = locate(make_run({"loss": [*CALM[:4], NAN, NAN, NAN], "lr": [1, 1e9, 1e18, 1e27, 1e36, INF, INF]}))
    assert (onset.pattern, onset.step) == (Pattern.SUDDEN_JUMP, 4)


def test_series_are_put_in_causal_order_inside_a_step() -> None:
    onset = locate(
        make_run(
            {
                "loss": [1.0, 1.0, NAN],
                "diff/ip1/data": [1.0, NAN, NAN],
                "data/ip1/ip1": [1.0, 1.0, NAN],
                "data/data/data": [1.0, 1.0, NAN],
                "param/ip1/0": [1.0, 1.0, NAN],
            }
        )
    )
    assert [bad.series for bad in onset.order] == [
        "diff/ip1/data",
        "param/ip1/0",
        "data/data/data",
        "data/ip1/ip1",
        "loss",
    ]
    assert (onset.step, onset.loss_step, onset.last_finite_step) == (1, 2, 0)


def test_an_average_that_sticks_shows_a_nan_between_two_logged_steps() -> None:
    onset = locate(make_run({"loss": CALM, "loss_smoothed": [*CALM[:3], *[NAN] * 5]}, every=10))
    assert (onset.pattern, onset.step, onset.last_finite_step, onset.earliest_step) == (
        Pattern.TRANSIENT,
        30,
        20,
        21,
    )


def test_a_log_that_begins_after_the_onset_is_said_to_be_a_tail() -> None:
    assert locate(make_run({"loss": [NAN, NAN]}, first=500)).tail
    assert not locate(make_run({"loss": [NAN, NAN]}, first=0)).tail
    start = Mark(MarkKind.START, "train.log", 1)
    assert not locate(make_run({"loss": [NAN, NAN]}, first=500, marks=[start])).tail


def test_the_last_good_checkpoint_lies_before_the_departure() -> None:
    marks = [Mark(MarkKind.CHECKPOINT, "train.log", step + 1, step=step, text=f"iter_{step}") for step in (4, 8, 10)]
    onset = locate(make_run({"loss": [*CALM, 9.0, 90.0, 900.0, NAN]}, marks=marks))
    assert (onset.departure_step, onset.last_good_checkpoint) == (8, "iter_8")


def test_a_metric_over_an_absent_class_does_no_harm() -> None:
    assert locate(make_run({"loss": CALM, "metric/iou": [NAN] * 8})).pattern is Pattern.HEALTHY
    assert locate(make_run({"loss": CALM, "metric/loss_aux": [*CALM[:5], NAN, 1.0, 1.0]})).step == 5


finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(finite, max_size=30), st.lists(finite, max_size=30), st.sampled_from([NAN, INF, -INF]))
def test_finite_points_before_it_never_move_the_onset_to_another_point(
    before: list[float], more: list[float], bad: float
) -> None:
    """The onset is the k-th point, however many finite points are put before it."""
    onset = locate(make_run({"loss": [*before, bad, bad, bad]}))
    later = locate(make_run({"loss": [*more, *before, bad, bad, bad]}))
    assert onset.step == len(before)
    assert later.step == len(more) + len(before)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40))
def test_any_numbers_have_an_onset(loss: list[float]) -> None:
    onset = locate(make_run({"loss": loss}))
    bad = [step for step, value in enumerate(loss) if not math.isfinite(value)]
    assert (onset.step == bad[0]) if bad else (onset.pattern in (Pattern.HEALTHY, Pattern.DIVERGENCE, Pattern.MASKED))


@given(st.lists(finite, min_size=2, max_size=40), st.floats(1e-3, 1e3))
def test_growth_does_not_depend_on_the_unit(values: list[float], unit: float) -> None:
    array = np.array(values)
    one, other = growth_to_end(array), growth_to_end(array * 2.0 ** round(math.log2(unit)))
    tiny = float(np.abs(array).min()) < 1e-30
    assert tiny or (one is None) == (other is None)


ACCURACY = [0.2, 0.5, 0.7]


@pytest.mark.parametrize(
    ("loss", "accuracy", "since"),
    [
        # Keras clips probabilities at 1e-7: 16.118 times the share of wrong answers
        ([2.2, 1.9, 14.5062, 14.5062, 14.5062], [0.2, 0.5, 0.1, 0.1, 0.1], 2),
        # a net that answers the same for every sample
        ([2.2, 1.9, 1.6, 2.3026, 2.3024, 2.3027], [*ACCURACY, 0.1, 0.11, 0.09], 3),
        # NaN replaced by 0
        ([*CALM, *CALM, 0.0, 0.0, 0.0, 0.0, 0.0], [0.5] * 21, 16),
    ],
)
def test_a_finite_number_that_stands_for_nan(loss: list[float], accuracy: list[float], since: int) -> None:
    onset = locate(make_run({"loss": loss, "metric/accuracy": accuracy}))
    assert (onset.pattern, onset.step) == (Pattern.MASKED, since)
    assert onset.masked_value == pytest.approx(loss[since])


@pytest.mark.parametrize(
    ("loss", "accuracy"),
    [
        ([2.3026, 2.3, 2.29, 2.2], [0.1, 0.1, 0.12, 0.2]),  # learns after a while
        ([0.7, 0.6931, 0.6932, 0.693], [0.5, 0.5, 0.5, 0.5]),  # two classes, not learning yet
        ([16.0, 8.0, 1.6118, 0.16118, 0.16118, 0.16118], [0.0, 0.5, 0.9, 0.99, 0.99, 0.99]),  # nearly all right
        ([*CALM, 0.9, 0.4, 0.1, 0.01, 0.0, 0.0, 0.0, 0.0, 0.0], [0.5] * 17),  # comes to 0 by itself
        ([*CALM, 0.5, 0.02, *[3e-4, 2e-4, 2e-4, 1e-4] * 3, *[0.0] * 6], [0.5] * 28),  # memorised, in four decimals
        ([*[0.02] * 8, *[0.01] * 12, *[0.0] * 6], [0.5] * 26),  # rounded to two decimals
        ([*CALM, 0.0, *CALM, 0.0, 0.0, 0.0, 0.0, 0.0], [0.5] * 22),  # a hinge that is met now and then
    ],
)
def test_a_healthy_loss_at_a_telling_value(loss: list[float], accuracy: list[float]) -> None:
    assert locate(make_run({"loss": loss, "metric/accuracy": accuracy})).pattern is Pattern.HEALTHY


def test_zeros_beside_a_broken_gradient() -> None:
    onset = locate(make_run({"grad_norm": [1.0, 1.1, NAN, NAN, NAN], "loss": [2.3, 2.2, 1.4, 0.0, 0.0]}))
    assert (onset.pattern, onset.series, onset.step, onset.masked_value) == (Pattern.MASKED, "grad_norm", 2, 0.0)


def test_a_skipped_update_is_harmless() -> None:
    onset = locate(make_run({"loss": CALM, "grad_norm": [1, 2, INF, 1, 2, 1, 2, 1]}))
    assert (onset.pattern, onset.harmless, onset.step, onset.recovered_step) == (Pattern.TRANSIENT, True, 2, 3)


def skip(step: int) -> Mark:
    return Mark(MarkKind.SKIPPED_STEP, "train.log", step + 1, step, "OVERFLOW", value=1.0)


def test_skips_that_end_are_harmless_and_skips_without_end_are_not() -> None:
    rare = locate(make_run({"loss": CALM}, marks=[skip(0), skip(1)]))
    assert (rare.harmless, rare.series, rare.step) == (True, "skipped_step", 0)
    endless = locate(make_run({"loss": CALM}, marks=[skip(step) for step in range(3, 8)]))
    assert (endless.harmless, endless.pattern, endless.step) == (False, Pattern.SUDDEN_JUMP, 3)


def test_a_skipped_update_beside_a_broken_loss_is_not_harmless() -> None:
    broken = [*CALM[:5], NAN, NAN, NAN]
    assert not locate(make_run({"loss": broken}, marks=[skip(0)])).harmless


def test_a_message_counts_like_a_value() -> None:
    said = Mark(MarkKind.NONFINITE, "train.log", 7, 6, "Batch 6: Invalid loss, terminating training")
    onset = locate(make_run({"loss": CALM[:6]}, marks=[said]))
    assert (onset.pattern, onset.series, onset.step, onset.line) == (Pattern.SUDDEN_JUMP, "message", 6, 7)
    assert onset.last_finite_step == 5


@pytest.mark.parametrize(
    "series",
    [
        {"loss": CALM, "metric/iou": [NAN, 0.1, 0.2, NAN, 0.3, 0.3, 0.4, 0.5]},
        {"loss": CALM, "metric/best_loss": [INF, 2.2, 2.2, 2.1, 2.0, 2.0, 1.9, 1.9]},
        {"loss": CALM, "val/loss": [NAN] * 8, "val/metric/acc": [NAN] * 8},  # an empty evaluation set
    ],
)
def test_harmless_nan(series: dict[str, list[float]]) -> None:
    assert locate(make_run(series)).pattern is Pattern.HEALTHY


def test_blown_up_within_the_first_steps() -> None:
    onset = locate(make_run({"loss": [3.2, 136.0, 91.8, 76.9, 71.9, 64.0, 58.5, 50.1, 42.6]}))
    assert (onset.pattern, onset.departure_step) == (Pattern.DIVERGENCE, 1)
    contrastive = [0.8, 9.0, 10.2, 10.6, 10.7, 10.4, 10.0, 9.7, 9.1]
    assert locate(make_run({"loss": contrastive})).pattern is Pattern.HEALTHY


def test_an_absurd_rate_makes_a_smaller_rise_count() -> None:
    loss = [700.0, 1700.0, 2300.0, 2800.0, 3600.0, 3700.0, 3600.0, 2600.0, 900.0, 400.0]
    assert locate(make_run({"loss": loss, "lr": [6.0] * 10})).pattern is Pattern.DIVERGENCE
    assert locate(make_run({"loss": loss, "lr": [0.01] * 10})).pattern is Pattern.HEALTHY
    mended = [*loss[:8], 300.0, 40.0, *[20.0] * 4]  # lower at its end than it ever was
    assert locate(make_run({"loss": mended, "lr": [6.0] * 14})).pattern is Pattern.HEALTHY
    scattered = [0.5, 4.0, 0.1, 2.0, 9.0, 0.02, 3.0, 0.7, 6.0, 0.3, 5.0, 0.1]  # single samples, Adadelta
    assert locate(make_run({"loss": scattered, "lr": [1.0] * 12})).pattern is Pattern.HEALTHY


def test_a_plateau_that_comes_near_the_loss_of_guessing_is_no_mask() -> None:
    guess = float(np.log(8))
    accuracy = {"metric/acc": [0.12] * 12}
    crept = {"loss": [guess * (1 + 0.01 * 0.8**step) for step in range(12)]}
    assert locate(make_run({**crept, **accuracy})).pattern is Pattern.HEALTHY
    leapt = {"loss": [2.0, 1.8, 1.6, *[guess] * 9]}
    assert locate(make_run({**leapt, **accuracy})).pattern is Pattern.MASKED
    scattered = {"loss": [2.0, 1.8, 1.6, *[guess, guess * 1.002, guess] * 2, guess, guess, guess]}
    assert locate(make_run({**scattered, **accuracy})).pattern is Pattern.MASKED


@pytest.mark.parametrize("beginning", [0.0, 1e-6, 1e-4])
def test_an_objective_that_begins_at_zero_may_rise(beginning: float) -> None:
    rising = [beginning + 0.5 * (step / 60) ** 2 for step in range(60)]  # the divergence from a reference policy
    assert locate(make_run({"loss": rising})).pattern is Pattern.HEALTHY
    assert locate(make_run({"loss": [*rising[:20], *np.geomspace(1.0, 1e6, 10)]})).pattern is Pattern.DIVERGENCE


def test_a_classifier_that_is_absurdly_wrong_all_along() -> None:
    loss = [1.6e9, 1.3e6, 2.2e4, 1.8e4, 1.8e4]
    assert locate(make_run({"loss": loss, "metric/acc": [0.097, 0.101, 0.102, 0.1, 0.1]})).pattern is Pattern.DIVERGENCE
    assert locate(make_run({"loss": loss, "metric/acc": [0.1, 0.4, 0.5, 0.6, 0.7]})).pattern is Pattern.HEALTHY


def test_a_log_of_every_tenth_step_is_no_tail() -> None:
    assert not locate(make_run({"loss": [NAN] * 5}, every=10, first=9)).tail


def test_epochs_and_steps_are_compared_by_the_clock() -> None:
    loss = [*CALM, NAN, NAN, NAN, NAN]
    run = make_run({"loss": loss, "val/loss": [2.0, 2.1, NAN]})
    clock = np.arange(12.0)
    table = {
        "loss": replace(run.table["loss"], time=clock, step=np.arange(12) * 50),
        "val/loss": replace(run.table["val/loss"], time=np.array([3.5, 7.5, 11.5]), step=np.arange(3)),
    }
    onset = locate(replace(run, table=table))
    assert (onset.series, onset.step) == ("loss", 400)
    assert [bad.series for bad in onset.order] == ["loss", "val/loss"]


def without(run: Run, name: str, steps: Collection[int]) -> Run:
    """The run as a writer leaves it that has no word for NaN: rows of ``steps`` hold no ``name``."""
    series = run.table[name]
    return replace(run, table={**run.table, name: series.where(~np.isin(series.step, list(steps)))})


ROWS: dict[str, Sequence[float]] = {"loss": [2.0 + 0.01 * (k % 7) for k in range(60)], "lr": [0.1] * 60}


def test_a_loss_that_is_missing_from_its_rows_to_the_end() -> None:
    onset = locate(without(make_run(ROWS), "loss", range(40, 60)))
    assert (onset.pattern, onset.series, onset.step, onset.last_finite_step) == (Pattern.MASKED, "loss", 40, 39)
    assert (onset.value, onset.masked_value, onset.line) == (None, None, 82)
    assert "no word" in onset.masked_as


def test_a_loss_that_is_missing_for_some_rows_comes_back() -> None:
    onset = locate(without(make_run(ROWS), "loss", [40, 41, 42]))
    assert (onset.pattern, onset.step, onset.recovered_step) == (Pattern.TRANSIENT, 40, 43)


def test_a_loss_that_grew_before_it_is_missing() -> None:
    loss = [*ROWS["loss"][:37], 30.0, 4e3, 7e7, *ROWS["loss"][40:]]
    onset = locate(without(make_run({**ROWS, "loss": loss}), "loss", range(40, 60)))
    assert (onset.pattern, onset.departure_step, onset.step) == (Pattern.MASKED, 37, 40)


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({}, range(56, 60)),  # a few closing rows
        ({}, [40]),  # a row that was lost
        ({}, range(10, 60)),  # too few rows to know that it is usually there
        ({}, range(5, 60, 10)),  # left out of every tenth row
        ({}, [*range(25, 28), *range(33, 36), *range(41, 44), *range(50, 53)]),  # and of a block now and then
        ({"metric/iou": [0.1] * 30 + [NAN] * 30}, range(40, 60)),  # the writer has a word for NaN
        ({"loss/second": [1.0] * 60}, range(40, 60)),  # another loss took over
    ],
)
def test_a_loss_that_is_left_out_for_another_reason(more: dict[str, list[float]], missing: Sequence[int]) -> None:
    assert locate(without(make_run({**ROWS, **more}), "loss", missing)).pattern is Pattern.HEALTHY


def test_rows_of_an_evaluation_need_no_loss() -> None:
    run = make_run({**ROWS, "val/loss": [2.0] * 60})
    evaluated = without(run, "val/loss", range(40))
    assert locate(without(evaluated, "loss", range(40, 43))).pattern is Pattern.HEALTHY


STANDS_STILL = [2.31, 2.29, 2.33, 2.28, 2.3, 2.34, 2.27, 2.32, 2.31, 2.3]


def test_a_rate_that_never_leaves_zero_is_a_training_without_updates() -> None:
    values = {"loss": STANDS_STILL, "lr": [0.0] * 10}
    onset = locate(make_run(values, facts={"framework": "transformers"}))
    assert (onset.pattern, onset.series, onset.masked_value) == (Pattern.MASKED, "lr", 0.0)
    assert "skipped" in onset.masked_as
    scaled = locate(make_run({**values, "loss_scale": [65536.0] * 10}))
    assert scaled.pattern is Pattern.MASKED


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        ({"loss": STANDS_STILL, "lr": [0.0] * 10}, {}),  # four decimals of 1e-5, perhaps
        ({"loss": STANDS_STILL, "lr": [*[0.0] * 9, 1e-6]}, {"framework": "transformers"}),
        ({"loss": [3.0, 2.9, 2.7, 2.6, 2.4, 2.3, 2.1, 2.0, 1.9, 1.8], "lr": [0.0] * 10}, {"framework": "transformers"}),
    ],
)
def test_a_rate_that_is_printed_as_zero_may_be_none(
    values: dict[str, list[float]], facts: dict[str, FactValue]
) -> None:
    assert locate(make_run(values, facts=facts)).pattern is Pattern.HEALTHY


def saved(step: int, text: str) -> Mark:
    return Mark(MarkKind.CHECKPOINT, "train.log", step + 1, step, text)


def test_a_checkpoint_that_was_written_again_after_the_onset_is_lost() -> None:
    loss = [*CALM, NAN, NAN, NAN]
    marks = [saved(2, "step2.pt"), saved(5, "best.pt"), saved(10, "best.pt")]
    run = make_run({"loss": loss}, marks=marks)
    onset = locate(run)
    assert onset.last_good_checkpoint == "step2.pt"
    assert overwritten_checkpoint(run, onset) == "best.pt"
    kept = make_run({"loss": loss}, marks=marks[:2])
    assert locate(kept).last_good_checkpoint == "best.pt"
    assert overwritten_checkpoint(kept, locate(kept)) is None


def test_a_nan_between_two_logged_steps_is_over_with_the_loss_that_is_logged() -> None:
    run = make_run({"loss_smoothed": [2.0, NAN, NAN, NAN], "loss": [2.0, 2.1, 2.0, 1.9]}, every=10)
    average = run.table["loss_smoothed"]
    average = replace(average, info=replace(average.info, smoothed=True))
    onset = locate(replace(run, table={**run.table, "loss_smoothed": average}))
    assert (onset.pattern, onset.step, onset.recovered_step) == (Pattern.TRANSIENT, 10, 10)


def rows(values: dict[str, list[float]]) -> Run:
    """A table: all columns of a row in one line, at one step."""
    run = make_run(values)
    line = np.arange(1, 1 + max(map(len, values.values())))
    return replace(run, table={name: replace(s, line=line[: len(s)]) for name, s in run.table.items()})


FALLING = [2.0 - step / 40 for step in range(40)]


def test_nan_between_evaluations_fills_rows() -> None:
    every_fifth = [loss if step % 5 == 4 else NAN for step, loss in enumerate(FALLING)]
    assert locate(rows({"loss": FALLING, "val/loss": every_fifth})).pattern is Pattern.HEALTHY
    failed = locate(rows({"loss": [*FALLING[:30], *[NAN] * 10], "val/loss": [*every_fifth[:30], *[NAN] * 10]}))
    assert (failed.series, failed.step, failed.pattern) == ("loss", 30, Pattern.SUDDEN_JUMP)
    broken = locate(rows({"loss": FALLING, "val/loss": [*every_fifth[:22], *[NAN] * 18]}))
    assert (broken.series, broken.step) == ("val/loss", 24)


def test_rows_of_two_kinds_have_a_value_of_one_kind_each() -> None:
    evaluated = [step % 5 == 4 for step in range(40)]
    loss = [NAN if of_val else value for of_val, value in zip(evaluated, FALLING, strict=True)]
    val = [value if of_val else NAN for of_val, value in zip(evaluated, FALLING, strict=True)]
    assert locate(rows({"loss": loss, "val/loss": val})).pattern is Pattern.HEALTHY
    failed = locate(rows({"loss": [*loss[:31], *[NAN] * 9], "val/loss": val}))
    assert (failed.series, failed.step, failed.last_finite_step) == ("loss", 31, 30)


def test_nan_and_values_that_alternate_without_a_rule_are_no_filling() -> None:
    val = [NAN if step in (3, 4, 11, 12, 13, 25) else 2.0 for step in range(40)]
    assert locate(rows({"loss": FALLING, "val/loss": val})).series == "val/loss"


def test_rows_before_there_is_anything_to_average() -> None:
    untrained = {"loss": [NAN, *FALLING[1:]], "val/loss": FALLING}
    assert locate(rows(untrained)).pattern is Pattern.HEALTHY
    assert locate(rows({**untrained, "val/loss": [NAN, *FALLING[1:]]})).step == 0
    assert locate(rows({"loss": untrained["loss"]})).step == 0
    every_epoch = [NAN if step % 8 == 0 else loss for step, loss in enumerate(FALLING)]
    assert locate(rows({"loss": every_epoch})).pattern is Pattern.HEALTHY
    assert locate(rows({"loss": every_epoch[3:]})).step == 5
    assert locate(rows({"loss": [*every_epoch[:20], *[NAN] * 20]})).pattern is not Pattern.HEALTHY


def test_what_a_loss_scaler_mended_is_no_onset() -> None:
    norm = [INF, NAN, *[1.0] * 3, INF, *[1.0] * 24]
    onset = locate(rows({"loss": [*FALLING[:30], *[NAN] * 10], "grad_norm": [*norm, *[NAN] * 10]}))
    assert (onset.series, onset.step, onset.last_finite_step) == ("loss", 30, 29)
    first = locate(rows({"loss": [*FALLING[:30], *[NAN] * 10], "grad_norm": [*norm[:28], INF, INF, *[NAN] * 10]}))
    assert (first.series, first.step) == ("grad_norm", 28)
    short = locate(rows({"loss": [*FALLING[:12], *[NAN] * 28], "grad_norm": [*norm[:12], *[NAN] * 28]}))
    assert (short.series, short.step) == ("grad_norm", 0)


def test_a_part_that_never_reached_the_sum() -> None:
    part = [NAN if step in (7, 23) else 1.0 for step in range(40)]
    assert locate(rows({"loss": FALLING, "loss/keypoints": part})).pattern is Pattern.HEALTHY
    assert locate(rows({"loss": FALLING, "loss/keypoints": [*part[:30], *[NAN] * 10]})).series == "loss/keypoints"
    assert locate(rows({"loss": FALLING, "loss/unused": [NAN] * 40})).pattern is Pattern.HEALTHY
    summed = [NAN if step in (7, 23) else loss for step, loss in enumerate(FALLING)]
    assert locate(rows({"loss": summed, "loss/keypoints": part})).pattern is Pattern.TRANSIENT
