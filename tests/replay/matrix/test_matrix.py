"""Trainings of plain torch, really trained and really broken, and what a replay makes of each of them.

``python -m replay.matrix.table`` prints the table that ``docs/replay.md`` shows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labelled_logs import ROOT
from nanlog.replay.as_json import as_dict
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


@pytest.mark.parametrize("name", ["siamese_sqrt_0", "two_bad_samples", "healthy"])
def test_the_command_says_the_same(name: str, tmp_path: Path) -> None:
    (training,) = [each for each in TRAININGS if each.name == name]
    here = as_dict(training.replayed(tmp_path).outcome)
    first, last = here["steps"]
    words = ["--checkpoint", "last.pt", "--target", str(training.file), "--steps", f"{first}:{last}", "--no-run"]
    command = [sys.executable, "-m", "nanlog", "replay", *words, "--format", "json"]
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "parsers")]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    there = json.loads(done.stdout)
    for key in ("reproduced", "deterministic", "smallest_change", "steps"):
        assert there[key] == here[key]
    for key, name_of, part in (("causes", "cause", "verdict"), ("trials", "intervention", "finite")):
        assert [(e[name_of], e[part]) for e in there[key]] == [(e[name_of], e[part]) for e in here[key]]
    for key in ("step", "phase", "module", "op", "line", "samples", "tensor") if here["first_nonfinite"] else ():
        assert there["first_nonfinite"][key] == here["first_nonfinite"][key]


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
