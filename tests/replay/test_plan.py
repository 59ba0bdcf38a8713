"""From options and a stored report to a plan."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog.errors import UsageError
from nanlog.replay.codec import decode, encode
from nanlog.replay.plan import MARGIN, Plan, Suspect, plan_for, seconds_of, steps_of

REPORT: dict[str, Any] = {
    "verdict": "unhealthy",
    "onset": {"step": 500, "last_finite_step": 490, "departure_step": 400},
    "findings": [
        {"cause": "faulty_input", "confidence": 0.2},
        {"cause": "lr_too_high", "confidence": 0.7},
        {"cause": "none", "confidence": 0.1},
    ],
}


def test_steps_and_causes_come_from_the_run() -> None:
    plan = plan_for("last.pt", "target.py", REPORT)
    assert (plan.first, plan.last, plan.departure, plan.end) == (400, 500, 400, 500 + MARGIN)
    assert plan.causes == (Suspect("lr_too_high", 0.7), Suspect("faulty_input", 0.2))


def test_steps_that_were_asked_for_win() -> None:
    plan = plan_for("last.pt", "target.py", REPORT, steps=(3, 9))
    assert (plan.first, plan.last, plan.departure, plan.end, plan.asked) == (3, 9, None, 9, True)


@pytest.mark.parametrize("report", [None, {}, {"onset": None, "findings": []}, {"onset": {"step": None}}])
def test_without_an_onset_nothing_bounds_the_steps(report: dict[str, Any] | None) -> None:
    plan = plan_for("last.pt", "target.py", report)
    assert (plan.first, plan.last, plan.end, plan.causes) == (None, None, None, ())


def test_the_folder_of_a_file_comes_first_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    assert plan_for("x.pt", "code/train.py:make").directory == str(tmp_path / "code")
    assert plan_for("x.pt", "code/train.py").directory == str(tmp_path / "code")
    assert plan_for("x.pt", "code.train:make").directory == str(tmp_path)
    assert plan_for("x.pt", None).directory == str(tmp_path)


def test_a_plan_survives_the_way_to_the_worker() -> None:
    plan = plan_for("last.pt", "target.py", REPORT, vary=("clip", "lr/10"), run="train-abc")
    assert decode(Plan, encode(plan)) == plan


@pytest.mark.parametrize(
    ("words", "steps"), [("400:500", (400, 500)), ("7", (7, 7)), (" 7 : 9 ", (7, 9)), ("7:", (7, 207))]
)
def test_steps_are_read(words: str, steps: tuple[int, int]) -> None:
    assert steps_of(words) == steps


@pytest.mark.parametrize("words", ["", ":", "a:b", "9:7", "-1:3", "1:2:3", "1e3", "1" * 99])
def test_what_are_no_steps_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="--steps"):
        steps_of(words)


@pytest.mark.parametrize(("words", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1.5h", 5400), ("2min", 120)])
def test_a_budget_is_read(words: str, seconds: float) -> None:
    assert seconds_of(words) == seconds


@pytest.mark.parametrize("words", ["", "0", "-5", "5 days", "m", "inf", "nan", "1e9"])
def test_what_is_no_budget_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="--budget"):
        seconds_of(words)


@given(st.text(max_size=20))
def test_no_words_break_it(words: str) -> None:
    for read in (steps_of, seconds_of):
        with contextlib.suppress(UsageError):
            read(words)
