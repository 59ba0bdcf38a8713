"""Real logs of Keras 2 and 3: every way in which they come gives the same points."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_logs import LOGS, read
from nanlog.model import Piece
from nanlog_parsers._states import bulk
from nanlog_parsers.keras._columns import read_columns
from nanlog_parsers.keras._names import NameTable

COLOUR = re.compile(rb"\x1b\[[0-9;]*m")

each_log = pytest.mark.parametrize("log", LOGS, ids=[f"{log.parent.name}-{log.stem}" for log in LOGS])
each_label = pytest.mark.parametrize(
    "log", [log for log in LOGS if log.name == "train.log"], ids=lambda p: p.parent.name
)


def label_of(log: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((log.parent / "label.json").read_text(encoding="utf-8"))
    return found


#: What the labels call the series.
NAMES = {"loss": "loss", "val_loss": "val/loss", "learning_rate": "lr", "mae": "metric/mae"}


@each_label
def test_first_bad_step_and_line_of_each_series(log: Path) -> None:
    found, label = read(log.read_bytes()), label_of(log)
    for name, step in label.get("onset_by_series", {}).items():
        bad = [(at, line) for at, value, line in found.table[NAMES[name]] if not np.isfinite(value)]
        assert bad[0][0] == step
        if name == label["series"]:
            assert bad[0] == (label["onset_step"], label["onset_line"])


@each_label
def test_last_finite_step(log: Path) -> None:
    found, label = read(log.read_bytes()), label_of(log)
    if label["onset_step"] is not None and label["series"] == "loss":
        finite = [at for at, value, _ in found.table["loss"] if np.isfinite(value) and at < label["onset_step"]]
        assert max(finite, default=None) == label["last_finite_step"]


@each_label
def test_batches_of_an_epoch(log: Path) -> None:
    assert read(log.read_bytes()).facts["steps_per_epoch"] == label_of(log)["steps_per_epoch"]


@each_log
def test_nothing_is_left_unread(log: Path) -> None:
    assert read(log.read_bytes()).unread == []


@each_log
def test_one_state_at_a_time_gives_the_same(log: Path) -> None:
    data = log.read_bytes()
    assert read(data, by_columns=False).everything() == read(data).everything()


@each_log
def test_whole_bars_and_headers_are_read_by_columns(log: Path) -> None:
    (states,) = bulk([Piece("train.log", log.read_bytes(), 1)])
    columns = read_columns(states, 0, NameTable())
    left = [states.text[states.start[k] : states.end[k]] for k in columns.left.tolist()]
    assert len(columns.bars) > 2
    assert [text for text in left if re.match(rb"Epoch \d+/\d+$| *\d+/\d+ .*: (?:[\d.]+|nan)$", text)] == []


@each_log
@pytest.mark.parametrize("size", [1, 700, 5000])
def test_pieces_give_the_same(log: Path, size: int) -> None:
    data = log.read_bytes()
    assert read(data, size=size).everything() == read(data).everything()


@each_log
@pytest.mark.parametrize(
    "copied",
    [
        lambda data: COLOUR.sub(b"", re.sub(rb"[\r\x08]", b"", data)),
        lambda data: re.sub(rb"[\r\x08\x1b]", b"", data),
        lambda data: data.replace(b"\b", b"^H").replace(b"\r", b"^M").replace(b"\x1b", b"^["),
        lambda data: re.sub(rb"[\r\x08\x1b]", "\ufffd".encode(), data),
        lambda data: data.replace(b"\b", b""),
        lambda data: COLOUR.sub(b"", data),
        lambda data: data.replace(b"\n", b"\r\n"),
    ],
    ids=["stripped", "escapes stripped", "carets", "boxes", "no backspaces", "no colours", "terminal"],
)
def test_states_that_were_copied_give_the_same(log: Path, copied: Any) -> None:
    data = log.read_bytes()
    assert read(copied(data)).everything() == read(data).everything()


@each_log
def test_a_log_cut_anywhere_loses_only_what_was_cut(log: Path) -> None:
    data = log.read_bytes()
    whole = {name: [repr(point) for point in points] for name, points in read(data).table.items()}
    for cut in range(1, len(data), max(1, len(data) // 40)):
        found = read(data[:cut])
        assert found.unread == []
        for name, points in found.table.items():
            if name in ("loss", "metric/accuracy", "val/loss"):
                same = [repr(point) for point in points[:-1]]
                assert same == whole[name][: len(same)]
