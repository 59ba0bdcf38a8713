"""JSON documents: arrays of objects and objects of lists, whole or cut off."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog.testing._texts import Texts
from nanlog_parsers.jsonlines import PARSER

RECORDS: list[dict[str, Any]] = [
    {"epoch": 1, "loss": 2.0, "val_loss": None},
    {"epoch": 2, "loss": math.nan, "val_loss": 1.5},
    {"epoch": 3, "loss": "nan", "val_loss": 1.0},
]
HISTORY: dict[str, Any] = {"loss": [1.0, 0.5, math.nan], "val_loss": [1.5, 1.0, math.inf], "lr": [0.1, 0.1, 0.01]}


def read(text: str, size: int = 1 << 21) -> dict[str, list[tuple[int, str, int]]]:
    """Step, value and line of all points, by name."""
    series: dict[str, list[tuple[int, str, int]]] = {}
    for block in PARSER.read(Texts("log", {"log": text.encode()}, size)):
        for code, step, value, line in zip(block.code, block.step, block.value, block.line, strict=True):
            series.setdefault(block.series[code].name, []).append((int(step), repr(float(value)), int(line)))
    return series


def without_lines(series: dict[str, list[tuple[int, str, int]]]) -> dict[str, list[tuple[int, str]]]:
    return {name: [(step, value) for step, value, _ in points] for name, points in series.items()}


@pytest.mark.parametrize("indent", [None, 0, 1, 4])
def test_an_array_of_objects(indent: int | None) -> None:
    text = json.dumps(RECORDS, indent=indent)
    assert without_lines(read(text)) == {
        "loss": [(1, "2.0"), (2, "nan"), (3, "nan")],
        "val/loss": [(2, "1.5"), (3, "1.0")],
    }
    assert PARSER.score("log.json", text.encode()) >= 0.4


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_object_of_lists(indent: int | None, wrapped: bool) -> None:
    """What ``json.dump(model.fit(...).history)`` writes."""
    text = json.dumps({"history": HISTORY, "params": {"layers": [64, 10, 3, 4]}} if wrapped else HISTORY, indent=indent)
    assert without_lines(read(text)) == {
        "loss": [(0, "1.0"), (1, "0.5"), (2, "nan")],
        "val/loss": [(0, "1.5"), (1, "1.0"), (2, "inf")],
        "lr": [(0, "0.1"), (1, "0.1"), (2, "0.01")],
    }
    assert PARSER.score("history.json", text.encode()) >= 0.4


def test_each_value_keeps_its_line() -> None:
    text = json.dumps({"loss": [1.0, math.nan]}, indent=1)
    lines = text.split("\n")
    assert [lines[line - 1].strip(" ,") for _, _, line in read(text)["loss"]] == ["1.0", "NaN"]
    text = json.dumps(RECORDS, indent=1)
    lines = text.split("\n")
    assert ['"loss": ' in lines[line - 1] for _, _, line in read(text)["loss"]] == [True] * 3


def test_a_list_of_epochs_beside_the_values() -> None:
    text = json.dumps({"epoch": [5, 6, 7], "train_losses": [3.0, 2.0, 1.0], "val_losses": [4.0, 3.0, 2.0]})
    assert [step for step, _, _ in read(text)["loss"]] == [5, 6, 7]
    assert [step for step, _, _ in read(text)["val/loss"]] == [5, 6, 7]


def test_null_in_a_list_is_a_gap() -> None:
    assert without_lines(read('{"loss": [1, null, 3]}'))["loss"] == [(0, "1.0"), (2, "3.0")]


def test_records_below_other_things() -> None:
    text = json.dumps({"best": 1.0, "tags": ["a"], "log": [{"step": 10, "loss": 1.0, "betas": [0.9, 0.99]}]}, indent=1)
    assert without_lines(read(text)) == {"loss": [(10, "1.0")]}


def test_an_array_of_an_object_a_line() -> None:
    text = '[\n{"step": 1, "loss": 0.5},\n{"step": 2, "loss": Infinity}\n]\n'
    assert read(text)["loss"] == [(1, "0.5", 2), (2, "inf", 3)]


@given(st.integers(0, 400), st.sampled_from([None, 1]))
def test_what_was_written_before_the_cut_is_read(cut: int, indent: int | None) -> None:
    for whole in (json.dumps(RECORDS, indent=indent), json.dumps(HISTORY, indent=indent)):
        full, part = without_lines(read(whole)), without_lines(read(whole[: max(cut, 1)]))
        for name, points in part.items():
            assert len(points) <= len(full[name])
            # the number at the cut may be cut itself
            assert points[:-1] == full[name][: max(len(points) - 1, 0)]


@given(st.text(alphabet='[]{}":, \n0123456789.eabnlosuif\\', max_size=200), st.sampled_from([1, 1 << 21]))
def test_no_document_raises(text: str, size: int) -> None:
    for start in ("[\n{", '{"loss": [', '[{"loss": 1}, '):
        read(start + text, size)
        PARSER.score("log", (start + text).encode())


def test_depth_is_bounded() -> None:
    read("[{" + '"a": [' * 100_000)
    read("[" * 100_000 + "]" * 100_000)
    read('{"a": ' * 50_000 + "1" + "}" * 50_000)


@pytest.mark.parametrize(
    "text",
    [
        '{"architectures": ["GPT2"], "n_layer": 12}',
        '["a", "b"]',
        "[1, 2, 3]",
        '{"sizes": [1, 2, 3]}',
        "{}",
        "[",
        "{'loss': 1}",
    ],
)
def test_other_documents_are_nobodys(text: str) -> None:
    assert PARSER.score("file.json", text.encode()) == 0
