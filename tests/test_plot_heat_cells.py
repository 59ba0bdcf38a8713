"""A grid loses no extreme and nothing that is not finite, and places every step where it belongs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog.model import NO_STEP, Attempt, Run, Series
from nanlog.plot._cells import Cell, Grid, grid_of
from nanlog.plot._spread import Reached, spread_of
from nanlog.plot._subject import subject_of
from runs import make_run

NAN, INF = float("nan"), float("inf")
LETTERS = {Cell.NOT_LOGGED: ".", Cell.FINITE: "#", Cell.NAN: "x", Cell.PLUS: "^", Cell.MINUS: "v"}


def grid(run: Run, columns: int = 300, rows: int = 400, steps: tuple[int | None, int | None] = (None, None)) -> Grid:
    subject = subject_of(run, steps=steps)
    return grid_of(subject, tuple(run.table.values()), columns, rows)


def letters(found: Grid) -> list[str]:
    return ["".join(LETTERS[Cell(code)] for code in row) for row in found.code.tolist()]


def layers(values: Mapping[str, Sequence[float]]) -> dict[str, Sequence[float]]:
    return {f"grad_norm/{name}": own for name, own in values.items()}


def at_steps(run: Run, steps: Mapping[str, Sequence[int]]) -> Run:
    """The run with other steps for some series."""
    table: dict[str, Series] = dict(run.table)
    for name, own in steps.items():
        table[name] = replace(table[name], step=np.array(own, np.int64))
    return replace(run, table=table)


def test_every_kind_of_cell_is_told_from_the_others() -> None:
    run = make_run(layers({"a.0": [1, NAN, INF, -INF, 0, 3], "a.1": [1, 2, 3]}))
    found = grid(run)
    assert letters(found) == ["#x^v##", "###..."]
    assert found.value[0, [0, 4, 5]].tolist() == [1, 0, 3]
    assert np.isnan(found.value[0, 1:4]).all()
    assert found.edges.tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_sizes_have_no_sign() -> None:
    assert grid(make_run(layers({"a": [-4, 1]}))).value.tolist() == [[4, 1]]


def test_a_column_of_many_steps_keeps_its_largest_size_and_its_first_bad_point() -> None:
    values = np.ones(9000)
    values[4321] = 1e9
    values[7000:7002] = INF, NAN
    found = grid(make_run(layers({"a": values.tolist()})))
    assert len(found.edges) - 1 == 300
    (spike,) = np.flatnonzero(found.value[0] == 1e9)
    assert found.edges[spike] <= 4321 < found.edges[spike + 1]
    bad = np.flatnonzero(found.code[0] != Cell.FINITE)
    assert [(Cell(found.code[0, k]), found.edges[k] <= 7000 < found.edges[k + 1]) for k in bad] == [(Cell.PLUS, True)]
    assert found.value[0, bad[0]] == 1  # a bad cell still knows its largest finite size


def test_missing_steps_are_a_gap_of_their_own_width() -> None:
    run = at_steps(make_run(layers({"a": [1, 2, 3, 4]})), {"grad_norm/a": [10, 20, 70, 80]})
    found = grid(run)
    assert letters(found) == ["##.##"]
    assert found.edges.tolist() == [5, 15, 25, 65, 75, 85]


def test_a_step_that_comes_late_leaves_no_gap() -> None:
    steps = np.cumsum([50, 50, 52] * 90)
    run = at_steps(make_run(layers({"a": [1.0] * 270})), {"grad_norm/a": steps.tolist()})
    assert not (grid(run).code == Cell.NOT_LOGGED).any()


def test_layers_that_are_logged_more_rarely_have_cells_of_the_same_columns() -> None:
    run = make_run(layers({"a.0": [1.0] * 100, "a.1": [2.0] * 10, "a.2": [2.0] * 10}))
    steps = list(range(0, 100, 10))
    found = grid(at_steps(run, {"grad_norm/a.1": steps, "grad_norm/a.2": steps}))
    assert letters(found) == ["#" * 10] * 3


def test_only_the_steps_that_are_to_be_seen_are_drawn() -> None:
    found = grid(make_run(layers({"a": [1.0] * 50})), steps=(10, 19))
    assert (found.edges[0], found.edges[-1]) == (9.5, 19.5)


def test_only_the_training_that_failed_is_drawn() -> None:
    run = make_run(layers({"a.0": [1, 2, 3, 4, NAN, NAN]}))
    series = run.table["grad_norm/a.0"]
    attempt = np.array([0, 0, 0, 1, 1, 1])
    two = replace(series, attempt=attempt, step=np.array([0, 1, 2, 1, 2, 3]))
    attempts = (Attempt(0, "train.log", 1, 3, 0, 2), Attempt(1, "train.log", 4, 6, 1, 3))
    found = grid(replace(run, table={series.name: two}, attempts=attempts))
    assert letters(found) == ["#xx"]
    assert found.edges[0] == 0.5


def test_ranks_share_the_row_of_their_layer_and_evaluations_stay_out() -> None:
    found = grid(
        make_run(
            {
                "grad_norm/a.0": [1, 2, 3],
                "rank1/grad_norm/a.0": [5, 1, NAN],
                "val/grad_norm/a.0": [9, 9, 9],
                "grad_norm/a.1": [1, 1, 1],
            }
        )
    )
    assert [row.name for row in found.rows] == ["a.0", "a.1"]
    assert letters(found) == ["##x", "###"]
    assert found.value[0, :2].tolist() == [5, 2]
    assert found.rows[0].series == ("grad_norm/a.0", "rank1/grad_norm/a.0")


def test_too_many_rows_are_joined_and_lose_nothing() -> None:
    values = {f"layers.{k}.{part}": [1.0, 1.0] for k in range(900) for part in ("weight", "bias")}
    values["layers.611.bias"] = [1.0, NAN]
    values["layers.5.weight"] = [7e5, 1.0]
    found = grid(make_run(layers(values)))
    assert len(found.rows) <= 400
    assert np.nanmax(found.value) == 7e5
    (bad,) = np.flatnonzero((found.code == Cell.NAN).any(axis=1))
    assert "grad_norm/layers.611.bias" in found.rows[bad].series
    assert found.rows[bad].name.startswith("layers.6")


def test_it_began_where_the_onset_says_and_spread_to_both_sides() -> None:
    values = {f"a.{k}": [1.0, 1.0, 1.0 if abs(k - 3) > 1 else NAN, NAN] for k in range(6)}
    values["a.3"] = [1.0, INF, NAN, NAN]
    found = grid(make_run(layers(values)))
    spread = spread_of(found)
    assert spread is not None
    assert (spread.first, spread.at.x, spread.at.cell) == ((3,), 1.0, Cell.PLUS)
    assert spread.above == Reached(0, 3.0)
    assert spread.below == Reached(5, 3.0)


def test_what_recovered_before_the_onset_is_not_where_it_began() -> None:
    values = {"a.0": [NAN, *[1.0] * 30, NAN, NAN, NAN], "a.1": [*[1.0] * 31, NAN, NAN, NAN]}
    run = make_run({**layers(values), "loss": [*[1.0] * 31, NAN, NAN, NAN]})
    subject = subject_of(run)
    subject = replace(subject, onset=replace(subject.onset, series="loss", step=31, order=()))
    found = grid_of(subject, [run.table[f"grad_norm/a.{k}"] for k in (0, 1)])
    spread = spread_of(found)
    assert letters(found)[0].startswith("x#")
    assert spread is not None
    assert (spread.first, spread.at.x) == ((0, 1), 31.0)


def test_a_healthy_run_has_no_beginning() -> None:
    assert spread_of(grid(make_run(layers({"a.0": [1, 2], "a.1": [2, 1]})))) is None


def test_parameters_are_updated_together() -> None:
    """The order in which a log names them says nothing."""
    run = make_run({f"param/{name}/0": [1, NAN] for name in ("a", "b", "c")})
    ranked = {
        name: replace(series, info=replace(series.info, rank=k)) for k, (name, series) in enumerate(run.table.items())
    }
    spread = spread_of(grid(replace(run, table=ranked)))
    assert spread is not None
    assert spread.first == (0, 1, 2)


VALUES = st.lists(st.one_of(st.floats(width=64), st.sampled_from([NAN, INF, -INF, 0.0])), min_size=1, max_size=60)


@given(values=st.lists(VALUES, min_size=1, max_size=5), columns=st.integers(1, 20), every=st.integers(1, 1000))
def test_no_run_loses_an_extreme_or_a_bad_point(values: list[list[float]], columns: int, every: int) -> None:
    run = make_run(layers({f"a.{k}": own for k, own in enumerate(values)}), every=every)
    found = grid(run, columns)
    assert len(found.edges) == found.code.shape[1] + 1
    assert (np.diff(found.edges) > 0).all()
    for k, own in enumerate(values):
        step = np.arange(len(own)) * every
        column = np.searchsorted(found.edges, step, side="right") - 1
        for place in range(found.code.shape[1]):
            inside = np.array(own)[column == place]
            finite = np.abs(inside[np.isfinite(inside)])
            bad = inside[~np.isfinite(inside)]
            code = Cell(found.code[k, place])
            assert (code == Cell.NOT_LOGGED) == (len(inside) == 0)
            assert (code in (Cell.NAN, Cell.PLUS, Cell.MINUS)) == (len(bad) > 0)
            if len(bad):
                assert code == (Cell.NAN if np.isnan(bad[0]) else Cell.PLUS if bad[0] > 0 else Cell.MINUS)
            if len(finite) and 1e-280 < finite.max() < 1e280:
                assert found.value[k, place] == pytest.approx(finite.max())


def test_hundreds_of_layers_with_a_point_without_a_step_are_placed_at_once() -> None:
    """Ordering all steps of a log takes long, and must not be done for every layer."""
    run = make_run(layers({f"layers.{k}": [1.0] * 1000 for k in range(400)}))
    steps = [*range(999), NO_STEP]
    begin = time.process_time()
    found = grid(at_steps(run, dict.fromkeys(run.table, steps)))
    assert time.process_time() - begin < 10
    assert (found.code == Cell.FINITE).all()
    assert found.edges[-1] > 998
