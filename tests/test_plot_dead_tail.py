"""A training that breaks early and runs on: the default picture is of what happened, not of NaN."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

import nanlog.plot as plot
from nanlog.model import Run
from runs import make_run

NAN = float("nan")


def dead(finite: int, tail: int, **others: list[float]) -> Run:
    loss = [2.0 - 0.01 * k for k in range(finite)] + [NAN] * tail
    return make_run({"loss": loss, "lr": [0.1] * len(loss), **others})


def last_step(figure: Figure) -> float:
    return float(figure.axes[0].get_xlim()[1])


def note(figure: Figure) -> str:
    return figure.get_supxlabel()


def test_what_was_before_gets_a_third_of_the_width() -> None:
    figure = plot.overview(dead(50, 5000))
    low, high = figure.axes[0].get_xlim()
    assert (50 - low) / (high - low) == pytest.approx(1 / 3, abs=0.02)
    assert "cut at step 150: no loss is finite from step 50 on, up to 5049; --steps : shows all" in note(figure)
    assert "cut at step 150" in plot.in_terminal(dead(50, 5000))


@pytest.mark.parametrize("steps", [(None, None), (0, None), (None, 5049)])
def test_steps_that_are_asked_for_are_drawn(steps: tuple[int | None, int | None]) -> None:
    figure = plot.overview(dead(50, 5000), steps=steps)
    assert last_step(figure) > 5000
    assert "cut at" not in note(figure)


def test_a_few_points_are_drawn_in_any_case() -> None:
    assert 11 <= last_step(plot.overview(dead(2, 500))) < 12


@pytest.mark.parametrize(
    "run",
    [
        dead(50, 100),
        dead(0, 500),
        dead(500, 0),
        make_run({"loss": [1.0] * 20 + [NAN] + [1.0] * 400}),
        make_run({"loss": [1.0] * 20 + [NAN] * 400, "val/loss": [1.0] * 420}),
        make_run({"loss": [1.0] * 420, "grad_norm": [1.0] * 20 + [NAN] * 400}),
    ],
    ids=["room enough", "never finite", "healthy", "goes on", "still evaluated", "the loss lives"],
)
def test_what_has_more_to_tell_is_not_cut(run: Run) -> None:
    figure = plot.overview(run)
    assert "cut at" not in note(figure)
    assert last_step(figure) > max(len(series) for series in run.table.values()) - 1


def test_what_goes_bad_later_is_not_cut_off() -> None:
    norms = {f"grad_norm/{k}": [1.0] * (20 + 300 * k) + [NAN] * (680 - 300 * k) for k in range(3)}
    assert "cut at" not in note(plot.grad_norms(dead(20, 680, **norms)))
    assert "cut at" in note(plot.loss(dead(20, 680, **norms)))


def test_what_lies_behind_the_cut_alone_is_drawn() -> None:
    run = dead(20, 680)
    later = run.table["lr"].where(slice(600, None))
    figure = plot.lr(Run(**{**{f: getattr(run, f) for f in Run.__slots__}, "table": {**run.table, "lr": later}}))
    assert last_step(figure) > 690
