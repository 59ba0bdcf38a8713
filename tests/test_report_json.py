from __future__ import annotations

import dataclasses
import io
import json
import math
from typing import Any

import numpy as np
import pytest

from made_reports import MADE, blow_up, hostile, jump, masked
from nanlog.model import Evidence
from nanlog.report import Answer, Failure, Style, reporter

#: The keys that programs rely on, in their order; more may follow.
REPORT = ["source", "parser", "verdict", "onset", "findings", "cannot_tell", "last_good_checkpoint", "unread"]
ONSET = ["pattern", "series", "step", "last_finite_step", "departure_step", "file", "line"]
FINDING = ["rule", "cause", "confidence", "layer", "phase", "evidence", "against", "remedies", "next_test"]
EVIDENCE = ["says", "file", "line", "series", "step", "value"]


def written(*answers: Answer) -> str:
    out = io.StringIO()
    reporter("json").write(answers, out, Style())
    return out.getvalue()


def parsed(*answers: Answer) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(written(*answers), parse_constant=pytest.fail)
    return document


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_the_contract(made: Any) -> None:
    document = parsed(made())
    assert list(document) == ["schema_version", "reports"]
    assert document["schema_version"] == 1
    (report,) = document["reports"]
    assert list(report)[: len(REPORT)] == REPORT
    if report["onset"] is not None:
        assert list(report["onset"])[: len(ONSET)] == ONSET
    for finding in report["findings"]:
        assert list(finding)[: len(FINDING)] == FINDING
        assert all(list(item) == EVIDENCE for item in finding["evidence"] + finding["against"])
    assert all(list(item)[:2] == ["rule", "missing"] for item in report["cannot_tell"])


def test_words_and_numbers() -> None:
    (report,) = parsed(blow_up("../runs/train.log"))["reports"]
    assert report["source"] == "../runs/train.log"
    assert report["verdict"] == "unhealthy"
    assert report["onset"]["pattern"] == "gradual_growth"
    assert (report["onset"]["step"], report["onset"]["last_finite_step"], report["onset"]["departure_step"]) == (
        8,
        7,
        4,
    )
    assert report["onset"]["value"] == "Infinity"
    assert report["findings"][0]["cause"] == "lr_too_high"
    assert report["findings"][0]["confidence"] == 0.912
    assert report["last_good_checkpoint"] == "snapshots/lenet_iter_4.caffemodel"
    assert report["unread"] == 1


@pytest.mark.parametrize(
    ("value", "stands"),
    [
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (np.float64("nan"), "NaN"),
        (np.float32("inf"), "Infinity"),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (True, True),
        (0.1, 0.1),
        ("poly", "poly"),
        (None, None),
    ],
)
def test_a_value_as_json_has_it(value: Any, stands: Any) -> None:
    report = dataclasses.replace(jump(), notes=(Evidence("", value=value),))
    (note,) = parsed(report)["reports"][0]["notes"]
    assert note["value"] == stands
    assert type(note["value"]) is type(stands)


def test_the_same_bytes_twice() -> None:
    assert written(blow_up(), masked()) == written(blow_up(), masked())


def test_a_path_that_was_not_read_stands_among_the_others() -> None:
    document = parsed(jump(), Failure("gone.log", "cannot read gone.log: there is no such file"), masked())
    gone = document["reports"][1]
    assert list(gone) == list(document["reports"][0])
    assert (gone["source"], gone["parser"], gone["verdict"], gone["onset"]) == ("gone.log", None, "cannot_judge", None)
    assert gone["error"] == "cannot read gone.log: there is no such file"
    assert document["reports"][0]["error"] is None


def test_no_answers_are_a_document_too() -> None:
    assert parsed() == {"schema_version": 1, "reports": []}


def test_what_a_log_says_comes_back_exactly_and_reaches_no_terminal() -> None:
    said = "\x1b[2J\x00\x7f\\\x7f\u202e\u2028损失\U0001f600"
    text = written(Failure(said, said), hostile())
    assert all(" " <= char <= "~" or char == "\n" for char in text)
    assert json.loads(text)["reports"][0]["source"] == said


def test_what_no_other_language_could_read_is_spelled_out() -> None:
    (report,) = parsed(Failure("bad\udcff\ud800.log", ""))["reports"]
    assert report["source"] == "bad\\udcff\\ud800.log"
