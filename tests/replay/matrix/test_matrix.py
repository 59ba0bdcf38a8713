"""Trainings of plain torch, really trained and really broken, and what a replay makes of each of them.

``python -m replay.matrix.table`` prints the table that ``docs/replay.md`` shows.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from replay.matrix.table import Row, Training, trainings

TRAININGS = trainings()


@pytest.fixture(scope="module", params=TRAININGS, ids=lambda training: training.name)
def row(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Row:
    training: Training = request.param
    return training.replayed(tmp_path_factory.mktemp(training.name))


def test_it_really_breaks_where_it_should(row: Row) -> None:
    assert row.broke == row.training.truth["step"]


def test_everything_said_is_true(row: Row) -> None:
    assert row.wrong == {}


def test_every_unchanged_run_ends_as_the_training_did(row: Row) -> None:
    comes_and_goes = row.training.truth["cause"] == "software_bug"
    assert row.outcome.reproduced is (row.broke is not None)
    assert row.outcome.deterministic is not comes_and_goes


def test_there_are_enough() -> None:
    healthy = [each for each in TRAININGS if each.truth["cause"] is None]
    assert len(healthy) >= 2
    assert len(TRAININGS) - len(healthy) >= 14


def test_a_wrong_answer_is_seen(tmp_path: Path) -> None:
    """The comparison itself: a truth that is changed is missed in that one place."""
    (training,) = [each for each in TRAININGS if each.name == "entropy_log_0"]
    row = training.replayed(tmp_path)
    training.truth["op"] = "sqrt"
    try:
        assert Row(training, row.broke, row.outcome, 0.0).wrong == {"op": ("log", "sqrt")}
    finally:
        training.truth["op"] = "log"
