"""What crosses the pipe, and what is gathered from it."""

from __future__ import annotations

import io
import json
import math

import pytest

from nanlog.replay.as_json import as_dict, from_dict
from nanlog.replay.codec import decode, encode
from nanlog.replay.gathered import Gathered
from nanlog.replay.outcome import (
    Benign,
    CauseVerdict,
    FirstNonfinite,
    Judgement,
    NotRun,
    Operand,
    Outcome,
    Place,
    ReplayPhase,
    Status,
    Trial,
)
from nanlog.replay.plan import plan_for
from nanlog.replay.protocol import Channel, received

FULL = Outcome(
    "last.pt",
    "cpu",
    run="train-abc",
    status=Status.OUT_OF_BUDGET,
    why_ended="the budget is used up",
    steps=(3, 9),
    reproduced=True,
    deterministic=False,
    first_nonfinite=FirstNonfinite(
        9,
        ReplayPhase.BACKWARD,
        "head",
        "sqrt",
        file="model.py",
        line=3,
        samples=(1, 2),
        operands=(Operand("argument 0", (2, 3), "float32", 0.0, None, zeros=1),),
        places=(Place(1, "[0]", (2,), math.nan),),
    ),
    trials=(Trial("lr/10", False, "bad", (3, 9), (1.0, math.inf, -math.inf)),),
    not_run=(NotRun("eps", "no layer normalises"),),
    causes=(CauseVerdict("faulty_loss", Judgement.CONFIRMED, ("because",), 0.5),),
    benign=(Benign("a mask", ReplayPhase.FORWARD),),
    facts={"torch": "2.9", "checkpoint_step": 3, "odd": None},
)


def test_an_outcome_is_strict_json_and_comes_back() -> None:
    text = json.dumps(as_dict(FULL), allow_nan=False)
    back = from_dict(json.loads(text))
    assert json.dumps(as_dict(back), allow_nan=False) == text
    assert back.trials[0].losses[1:] == (math.inf, -math.inf)
    assert back.first_nonfinite is not None
    assert math.isnan(back.first_nonfinite.places[0].value)


@pytest.mark.parametrize(
    "document", [{}, {"checkpoint": 1, "device": "cpu"}, {"checkpoint": "a", "device": "b", "steps": 3}]
)
def test_another_document_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Outcome"):
        from_dict(document)


def test_a_message_is_one_line_whatever_it_holds() -> None:
    pipe = io.BytesIO()
    Channel(pipe)("trial", trial=Trial("lr/10", True, "a\nb\u2028c\x00", losses=(math.nan,)))
    (line,) = pipe.getvalue().splitlines()
    (message,) = received(line)
    assert decode(Trial, message["trial"]).detail == "a\nb\u2028c\x00"


@pytest.mark.parametrize("line", [b"", b"hello", b"[1]", b'{"event": 1}', b"\xff\xfe", b"{" * 5000])
def test_what_is_no_message_is_left_out(line: bytes) -> None:
    assert list(received(line)) == []


def test_messages_of_another_version_change_nothing() -> None:
    gathered = Gathered(plan_for("last.pt", "t.py"))
    gathered("something_new", anything=1)
    assert gathered.outcome(0.0).reproduced is None


def test_a_crash_in_a_trial_is_a_trial_that_could_not_run() -> None:
    gathered = Gathered(plan_for("last.pt", "t.py"))
    gathered("trying", intervention="float64", title="")
    gathered.crashed("the worker was ended by SIGSEGV")
    assert gathered.outcome(0.0).not_run == (NotRun("float64", "the worker was ended by SIGSEGV"),)
    assert gathered.tried == ("float64",)


def test_numbers_beyond_the_finite_are_words() -> None:
    assert encode([math.nan, math.inf, -math.inf, 1.5]) == ["NaN", "Infinity", "-Infinity", 1.5]
