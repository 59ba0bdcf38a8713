"""``trainer_state.json``: read as any JSON reader would, NaN tokens, a missing end and checkpoints included."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_logs import Sample, samples_of
from nanlog.model import MarkKind, Piece
from nanlog_parsers.huggingface import PARSER
from nanlog_parsers.huggingface._json import scalars
from nanlog_parsers.huggingface._state import is_state
from text_logs import first_bad, marks, points, run_of, same

STATES = [sample for sample in samples_of("huggingface") if sample.label["files"] == ["trainer_state.json"]]
NAMES = {"loss": "loss", "grad_norm": "grad_norm", "learning_rate": "lr", "eval_loss": "val/loss"}


@pytest.mark.parametrize("sample", STATES, ids=lambda sample: sample.id)
def test_every_entry_is_a_point_at_its_step(sample: Sample) -> None:
    text = sample.log.read_bytes()
    run = run_of(PARSER, text)
    assert PARSER.score("trainer_state.json", text[:65536]) >= 0.95
    history = json.loads(text)["log_history"]
    for key, name in NAMES.items():
        expected = {entry["step"]: float(entry[key]) for entry in history if key in entry}
        assert same(points(run, name) if name in run.table else {}, expected)


@pytest.mark.parametrize("sample", STATES, ids=lambda sample: sample.id)
def test_lines_and_onsets(sample: Sample) -> None:
    run = run_of(PARSER, sample.log.read_bytes())
    lines = sample.log.read_text().split("\n")
    for key, name in NAMES.items():
        if name in run.table:
            assert all(f'"{key}": ' in lines[line - 1] for line in run.table[name].line.tolist())
    found = {key: first_bad(run, name) for key, name in NAMES.items() if name in run.table}
    assert {key: bad[0] for key, bad in found.items() if bad is not None} == sample.label.get("onset_by_series", {})


@pytest.mark.parametrize("sample", STATES[:1], ids=lambda sample: sample.id)
def test_the_layout_does_not_matter(sample: Sample) -> None:
    state = json.loads(sample.log.read_text())
    expected = run_of(PARSER, sample.log.read_bytes())
    for indent in (None, 0, 7):
        run = run_of(PARSER, json.dumps(state, indent=indent))
        assert run.table.keys() == expected.table.keys()
        assert all(same(points(run, name), points(expected, name)) for name in run.table)


def state(steps: range, **others: Any) -> str:
    history = [{"epoch": k / 10, "loss": 2.5, "step": k} for k in steps]
    return json.dumps({"global_step": steps[-1], "log_history": history, **others}, indent=2, sort_keys=True)


def test_facts() -> None:
    run = run_of(
        PARSER,
        state(range(5, 20, 5), logging_steps=5, max_steps=20, train_batch_size=16, best_metric=math.nan,
              trial_name=None, best_model_checkpoint="out/checkpoint-10", num_train_epochs=2),
    )  # fmt: skip
    facts = {fact.key: fact.value for fact in run.facts}
    assert facts["logging_steps"] == 5
    assert facts["trainer.max_steps"] == 20
    assert facts["hparams.train_batch_size"] == 16
    assert facts["trainer.best_model_checkpoint"] == "out/checkpoint-10"
    assert isinstance(facts["trainer.best_metric"], float)
    assert math.isnan(facts["trainer.best_metric"])
    assert [mark[::2] for mark in marks(run, MarkKind.CHECKPOINT)] == [(10, "out/checkpoint-10")]


def test_states_of_checkpoints_are_not_doubled() -> None:
    files = {f"checkpoint-{k}/trainer_state.json": state(range(10, k + 1, 10)) for k in (50, 100, 200)}
    run = run_of(PARSER, {**files, "trainer_state.json": state(range(10, 211, 10))})
    assert list(points(run, "loss")) == list(range(10, 211, 10))
    assert sorted(step or 0 for step, _, _ in marks(run, MarkKind.CHECKPOINT)) == [50, 100, 200]
    assert all(re.search(r"checkpoint-\d+$", text) for _, _, text in marks(run, MarkKind.CHECKPOINT))
    assert len(run.attempts) == 1


def test_without_a_state_of_the_whole_the_latest_checkpoint_is_read() -> None:
    files = {f"out/checkpoint-{k}/trainer_state.json": state(range(10, k + 1, 10)) for k in (1000, 200, 90)}
    run = run_of(PARSER, files)
    assert len(points(run, "loss")) == 100
    assert {step for step, _, _ in marks(run, MarkKind.CHECKPOINT)} == {90, 200, 1000}


def test_two_runs_in_one_folder_are_two() -> None:
    files = {
        f"{run}/checkpoint-50/trainer_state.json": state(range(first, 51, 10)) for run, first in (("a", 10), ("b", 20))
    }
    files["b/checkpoint-50/trainer_state.json"] = files["b/checkpoint-50/trainer_state.json"].replace("2.5", "7.75")
    run = run_of(PARSER, files)
    assert sorted(len(points(run, name)) for name in run.table) == [4, 5]


def test_a_log_and_its_state_are_one() -> None:
    printed = "".join(str({"loss": 2.5, "learning_rate": 0.1, "epoch": k / 97}) + "\n" for k in range(10, 60, 10))
    history = [{"loss": 2.5, "learning_rate": 0.1, "step": k} for k in range(10, 60, 10)]
    run = run_of(
        PARSER, {"train.log": printed, "trainer_state.json": json.dumps({"global_step": 50, "log_history": history})}
    )
    assert list(points(run, "loss")) == [10, 20, 30, 40, 50]
    assert set(run.table) == {"loss", "lr"}


@pytest.mark.parametrize("cut", [0.3, 0.5, 0.9, 0.97])
def test_a_file_that_is_cut_off_is_read_as_far_as_it_goes(cut: float) -> None:
    whole = state(range(1, 301))
    text = whole[: int(len(whole) * cut)]
    run = run_of(PARSER, text)
    found = list(points(run, "loss"))
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= text.count('"step"') - 1
    assert run.unread_count <= 1


def test_null_is_not_logged_and_words_are_numbers() -> None:
    history = [{"loss": None, "grad_norm": "nan", "note": "x", "ok": True, "step": 1}, {"loss": 2.0, "step": 2}]
    run = run_of(PARSER, json.dumps({"global_step": 2, "log_history": history}))
    assert points(run, "loss") == {2: 2.0}
    assert first_bad(run, "grad_norm") == (1, 1)
    assert set(run.table) == {"loss", "grad_norm"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats()
    | st.text(st.characters(codec="ascii"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)


def flat(value: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    """The numbers, as ``scalars`` should give them."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in flat(inner, (*path, key))]
    if isinstance(value, list):
        return [found for inner in value for found in flat(inner, (*path, "[]"))]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return [(path, json.dumps(value))] if is_number else []


@given(st.dictionaries(st.text("abc", max_size=3), JSON, max_size=5), st.sampled_from([None, 1]), st.integers(1, 40))
def test_scalars_are_those_of_any_json_reader(value: dict[str, Any], indent: int | None, size: int) -> None:
    """However the text is cut into pieces."""
    text = json.dumps(value, indent=indent).encode()
    pieces, line = [], 1
    for start in range(0, len(text), size):
        data = text[start : start + size]
        pieces.append(Piece("x.json", data, line, continues=start > 0 and not text[:start].endswith(b"\n")))
        line += data.count(b"\n")
    found = [(s.path, s.text) for s in scalars(pieces) if s.text is not None and not s.is_string]
    numbers = [(path, text) for path, text in found if text not in ("null", "true", "false")]
    assert numbers == flat(value, ("[]",))


@given(st.binary(max_size=300), st.integers(0, 300))
def test_damaged_states_are_read(noise: bytes, at: int) -> None:
    text = state(range(1, 4)).encode()
    run = run_of(PARSER, text[:at] + noise + text[at:])
    assert all(math.isfinite(step) for series in run.table.values() for step in series.step.tolist())


def test_what_is_no_state() -> None:
    assert not is_state(b'{"log_history": []}')
    assert not is_state(b'["log_history", "global_step"]')
    assert not is_state(b"")
    assert is_state(b'\n {"global_step": 1, "log_history": []}')


def test_a_name_does_not_make_a_state(tmp_path: Path) -> None:
    assert PARSER.score(str(tmp_path / "trainer_state.json"), b"{}") == 0.0
