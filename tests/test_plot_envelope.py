"""What a curve of millions of points keeps: every extreme, and everything that is not finite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog.plot._envelope import envelope, stretches
from nanlog.plot._style import Kind

VALUES = st.lists(st.one_of(st.floats(), st.sampled_from([np.nan, np.inf, -np.inf, 0.0])), min_size=1, max_size=300)


def steps(count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.arange(count, dtype=np.float64)


@given(values=VALUES, columns=st.integers(1, 40))
def test_extremes_and_ends_of_every_column_stay(values: list[float], columns: int) -> None:
    y = np.array(values)
    x = steps(len(y))
    shape = envelope(x, y, columns)
    kept = shape.y[np.isfinite(shape.y)]
    finite = y[np.isfinite(y)]
    if not len(finite):
        assert not len(kept)
        return
    assert (kept.min(), kept.max()) == (finite.min(), finite.max())
    assert (kept[0], kept[-1]) == (finite[0], finite[-1])
    assert set(zip(shape.x[np.isfinite(shape.y)], kept, strict=True)) <= set(zip(x, y, strict=True))
    assert len(kept) <= max(4 * columns, 4)


@given(values=VALUES)
def test_each_point_that_is_not_finite_lies_in_a_stretch_of_its_kind(values: list[float]) -> None:
    y = np.array(values)
    told = [(s.kind, x) for s in stretches(steps(len(y)), y) for x in np.arange(s.first, s.last + 1)]
    bad = {Kind.NAN: np.isnan(y), Kind.PLUS: y == np.inf, Kind.MINUS: y == -np.inf}
    assert sorted(told, key=str) == sorted(
        ((kind, float(x)) for kind, where in bad.items() for x in np.flatnonzero(where)), key=str
    )


def test_a_line_is_broken_where_a_point_between_is_not_finite() -> None:
    shape = envelope(steps(6), np.array([1.0, 2, np.nan, 3, np.inf, 4]))
    assert np.array_equal(shape.y, [1, 2, np.nan, 3, np.nan, 4], equal_nan=True)
    assert shape.y[shape.lonely].tolist() == [3, 4]


def test_a_line_that_is_reduced_is_broken_where_it_was() -> None:
    y = np.ones(100_000)
    y[50_000:50_500] = np.nan
    shape = envelope(steps(len(y)), y, 100)
    (gap,) = np.flatnonzero(np.isnan(shape.y))
    assert shape.x[gap - 1] == 49_999
    assert shape.x[gap + 1] == 50_500
    assert [(s.kind, s.first, s.last, s.count) for s in shape.stretches] == [(Kind.NAN, 50_000, 50_499, 500)]


def test_one_spike_in_a_million_points_is_kept() -> None:
    y = np.random.default_rng(0).normal(size=1_000_000)
    y[654_321], y[123_456], y[777_777] = 1e9, -1e9, np.inf
    shape = envelope(steps(len(y)), y)
    assert (np.nanmax(shape.y), np.nanmin(shape.y)) == (1e9, -1e9)
    assert [(s.kind, s.first) for s in shape.stretches] == [(Kind.PLUS, 777_777)]
    assert len(shape.x) <= 8_001 + 1


def test_every_second_point_nan_gives_no_million_of_stretches() -> None:
    y = np.ones(200_000)
    y[::2] = np.nan
    found = stretches(steps(len(y)), y, 500)
    assert len(found) == 1
    assert (found[0].first, found[0].last, found[0].count) == (0, 199_998, 100_000)


@pytest.mark.parametrize("log_x", [False, True])
def test_columns_are_even_on_the_axis_they_are_for(log_x: bool) -> None:
    x = steps(100_000)
    shape = envelope(x, np.sin(x), 100, log_x=log_x)
    early = np.sum(shape.x < 1000)
    assert early > 100 if log_x else early < 20


def test_points_of_one_step_and_steps_out_of_order_are_drawn_from_left_to_right() -> None:
    shape = envelope(np.array([5.0, 1, 5, 3]), np.array([1.0, 2, 3, np.nan]))
    assert shape.x[np.isfinite(shape.y)].tolist() == [1, 5, 5]
    assert [s.first for s in shape.stretches] == [3]
