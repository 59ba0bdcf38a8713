"""Undoing the averaging of the bar: what is hidden comes out, and nothing is made up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from keras_logs import coloured, drawn, line, read, running
from nanlog_parsers.keras._means import NOISE, Means, Undoing

Floats = NDArray[np.float64]


def log_of(means: Floats, seen: list[int], *, final: float | None = None) -> str:
    """One epoch whose bar is shown after some of its batches, then its end."""
    target = len(means)
    states = [coloured(n, target, loss=float(means[n - 1])) for n in seen]
    return line([*states, coloured(target, target, loss=float(means[-1]) if final is None else final)])


def undone(text: str) -> list[float]:
    return read("Epoch 1/9\n" + text).values("loss")


def test_one_bad_batch_stands_out() -> None:
    losses = np.full(500, 0.5)
    losses[399] = 200.0
    found = read("Epoch 1/9\n" + log_of(running(losses), [1, *range(20, 500, 20)]))
    assert found.values("loss_smoothed") == [0.899]
    peak = int(np.argmax(found.values("loss")))
    assert found.steps("loss")[peak] == 400
    assert found.values("loss")[peak] == pytest.approx(10.475, abs=0.01)
    others = np.delete(found.values("loss"), peak)
    assert np.allclose(others, 0.5, atol=0.02)


def test_the_mean_of_the_epoch_is_kept_beside_it() -> None:
    found = read("Epoch 1/9\n" + log_of(running([4.0, 2.0, 1.0]), [1, 2]))
    assert found.values("loss") == pytest.approx([4.0, 2.0, 1.0], abs=1e-3)
    assert [(step, value) for step, value, _ in found.table["loss_smoothed"]] == [(3, 2.3333)]
    assert found.infos["loss_smoothed"].smoothed
    assert not found.infos["loss"].smoothed


def test_samples_weigh_the_last_small_batch() -> None:
    losses, sizes = np.array([3.0, 1.0, 2.0, 5.0]), np.array([32, 32, 32, 4])
    seen = np.cumsum(sizes)
    means = np.cumsum(losses * sizes) / seen
    text = line(drawn(int(n), 100, loss=float(mean)) for n, mean in zip(seen, means, strict=True))
    assert undone(text) == pytest.approx([3.0, 1.0, 2.0, 5.0], rel=0.01)


def test_a_mean_over_an_epoch_is_said_to_be_one() -> None:
    found = read("Epoch 1/2\n12/12 - 0s - 9ms/step - loss: 1.2345 - accuracy: 0.5000\n")
    assert found.infos["loss"].smoothed
    assert found.infos["metric/accuracy"].smoothed
    assert "loss_smoothed" not in found.infos


def test_once_nan_the_rest_of_the_epoch_is_nan_and_the_next_is_not() -> None:
    losses = np.full(50, 0.5)
    losses[24] = np.nan
    epoch = log_of(running(losses), [1, *range(5, 50, 5)])
    clean = log_of(running(np.full(50, 0.5)), [1, 40])
    found = read(f"Epoch 1/2\n{epoch}Epoch 2/2\n{clean}")
    first = next(step for step, value, _ in found.table["loss"] if np.isnan(value))
    assert first == 25
    assert np.isfinite(found.values("loss")[-3:]).all()


def test_infinity_stays_infinity() -> None:
    losses = np.array([1.0, 1.0, np.inf, 1.0])
    assert undone(log_of(running(losses), [1, 2, 3])) == [1.0, 1.0, np.inf, np.inf]


def noisy(seed: int, count: int, *, spread: float = 0.5) -> Floats:
    """Positive losses that fall over an epoch, with the scatter of small batches."""
    random = np.random.default_rng(seed)
    return np.asarray((2.3 * np.exp(-np.arange(count) / count) + 0.05) * random.lognormal(0, spread, count), np.float64)


@pytest.mark.parametrize("seed", range(5))
def test_a_bar_that_shows_single_losses_is_left_alone(seed: int) -> None:
    """As when a ``train_step`` returns the loss of the batch and Keras 3.15 shows it as it is."""
    losses = noisy(seed, 400)
    text = "".join(f"Epoch {epoch}/3\n" + log_of(losses, list(range(1, 400, 3))) for epoch in (1, 2, 3))
    assert read(text).values("loss") == [*(round(loss, 4) for loss in losses[:399:3]), round(losses[-1], 4)] * 3


@pytest.mark.parametrize("seed", range(5))
def test_a_mean_of_means_gives_no_false_spike(seed: int) -> None:
    """Keras 3 before 3.15: the bar averages the running mean once more, the last state shows the plain mean."""
    means = running(noisy(seed, 300))
    text = log_of(running(means), list(range(1, 300, 4)), final=float(means[-1]))
    found = np.array(undone(text))
    assert found.min() > 0
    assert np.allclose(found[10:-1], means[4:300:4][9 : len(found) - 2], rtol=0.15)
    assert found[-1] <= 2 * found[:-1].max()


def test_a_loss_that_is_not_positive_is_left_alone() -> None:
    assert undone(log_of(running([-1.0, -3.0, 2.0, -4.0]), [1, 2, 3])) == [-1.0, -2.0, -0.6667, -1.5]


def test_an_epoch_resumed_in_its_middle_is_left_alone() -> None:
    """Of an epoch that goes on after an interruption the bar counts all batches, the mean only the new ones."""
    means = running(noisy(1, 100))
    states = [coloured(300 + n, 400, loss=float(means[n - 1])) for n in range(1, 101)]
    assert read("Epoch 3/9\n" + line(states)).values("loss") == [round(mean, 4) for mean in means]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 400), st.floats(0.001, 1000), st.integers(1, 30))
def test_results_are_means_over_stretches_of_batches(seed: int, count: int, scale: float, every: int) -> None:
    """Each result lies between the smallest and the largest loss, but for the rounding it may carry."""
    losses = noisy(seed, count) * scale
    means = running(losses)
    found = read("Epoch 1/2\n" + log_of(means, list(range(1, count, every))))
    slack = NOISE * means.max() + 1e-4
    assert losses.min() - slack <= min(found.values("loss"))
    assert max(found.values("loss")) <= losses.max() + slack


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 300), st.data())
def test_an_epoch_in_parts_gives_the_same(seed: int, count: int, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, count - 1))
    value = np.round(running(noisy(seed, count)), 4)
    seen = np.arange(1, count + 1)

    def part(rows: slice) -> Means:
        size = len(seen[rows])
        ends = seen[rows] == count
        return Means(np.zeros(size, np.int64), seen[rows], value[rows], ends, np.ones(size, np.bool_))

    whole, parts = Undoing(), Undoing()
    together = whole.undone(part(slice(None)))
    separate = np.concatenate([parts.undone(part(slice(cut))), parts.undone(part(slice(cut, None)))])
    assert np.allclose(separate[:-1], together[:-1])
