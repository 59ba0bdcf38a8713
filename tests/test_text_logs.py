"""Text of any program: real logs against their labels, and the text of other dialects without a complaint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelled_logs import ROOT, SAMPLES, Sample, samples_of
from nanlog.model import Piece
from nanlog_parsers.text import PARSER
from nanlog_parsers.text._reader import Reader
from text_logs import first_bad, run_of

OWN = samples_of("text")
#: Files of other dialects that are text, too.
OTHERS = [
    file
    for sample in SAMPLES
    if sample.dialect != "text"
    for file in sample.files
    if b"\0" not in file.read_bytes()[:4096]
]


@pytest.mark.parametrize("sample", OWN, ids=lambda sample: sample.id)
def test_steps_and_lines_are_those_of_the_label(sample: Sample) -> None:
    run = run_of(PARSER, sample.log.read_bytes())
    assert run.unread_count == 0
    originals = {series.info.original: name for name, series in run.table.items() if not series.info.smoothed}
    for original, step in sample.label.get("onset_by_series", {}).items():
        if original == "Test Loss":
            continue  # the label counts evaluations in a way of its own
        bad = first_bad(run, originals.get(original, f"metric/{original}[class 8]"))
        assert bad is not None
        assert bad[0] == step
        if sample.label["onset_step"] == step and sample.label["series"] == original:
            assert bad[1] == sample.label["onset_line"]
    if sample.label["healthy"]:
        assert all(first_bad(run, name) is None for name in run.table)


def test_an_evaluation_between_epochs_is_given_the_step_it_comes_before() -> None:
    sample = next(sample for sample in OWN if sample.id == "huge_input_imagenet_example")
    run = run_of(PARSER, sample.log.read_bytes())
    assert first_bad(run, "val/loss") == (101, 13)
    assert first_bad(run, "loss") == (101, 15)
    assert run.table["val/loss"].info.stage < run.table["loss"].info.stage


@pytest.mark.parametrize("file", OTHERS, ids=lambda file: str(file.relative_to(ROOT / "sample_logs")))
def test_the_text_of_other_dialects_is_read_without_a_complaint(file: Path) -> None:
    run = run_of(PARSER, file.read_bytes())
    assert run.unread_count == 0
    assert all(series.step.min() >= 0 for series in run.table.values())


def test_size_of_pieces_makes_no_difference() -> None:
    text = next(sample for sample in OWN if sample.id == "nan_batch_tqdm").log.read_bytes()
    whole = list(Reader().read("train.log", iter([Piece("train.log", text, 1)])))
    lines = text.split(b"\n")
    pieces = [Piece("train.log", line + b"\n", number) for number, line in enumerate(lines[:-1], 1)]
    parts = list(Reader().read("train.log", iter(pieces)))
    assert [repr(block.value.tolist()) for block in whole] == [repr(block.value.tolist()) for block in parts]
    assert [block.line.tolist() for block in whole] == [block.line.tolist() for block in parts]


def test_a_log_longer_than_a_stretch_goes_on_where_it_was() -> None:
    text = "".join(f"Epoch {k // 5000} [{k % 5000:4d}/5000]\tLoss: {k / 7:.6f}\n" for k in range(60_000))
    series = run_of(PARSER, text).table["loss"]
    assert series.step.tolist() == list(range(60_000))
    assert series.line.tolist() == list(range(1, 60_001))
    assert series.value.tolist() == [float(f"{k / 7:.6f}") for k in range(60_000)]


def test_a_block_that_goes_on_over_a_stretch_is_kept_together() -> None:
    rule = "-" * 20 + "\n"
    block = "{rule}| loss | {loss:.5f} |\n| kl | {loss:.3f} |\n| total_timesteps | {step} |\n{rule}"
    text = "".join(block.format(rule=rule, loss=k / 3, step=k * 2048) for k in range(20_000))
    series = run_of(PARSER, text).table["loss"]
    assert series.step.tolist() == [k * 2048 for k in range(20_000)]


def test_labels_are_no_logs() -> None:
    for sample in OWN:
        label = (sample.folder / "label.json").read_bytes()
        assert json.loads(label)
        assert PARSER.score("notes.txt", label) < 0.2


SEEDS = [sample.log.read_bytes()[:3000] for sample in OWN]
SEEDS += [path.read_bytes()[:3000] for path in sorted((Path(__file__).parent / "wild_logs").iterdir())[:30]]
NOISE = [
    b"nan",
    b"inf",
    b"\x1b[A",
    b"\r",
    b"\x08",
    b"9" * 400,
    b"-",
    b"[",
    b"(",
    b"|",
    b"%|",
    b"=",
    b": ",
    b"\xff",
    b"1.#",
]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_logs_are_read(data: st.DataObject) -> None:
    text = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(text)))
        text[place : place + data.draw(st.integers(0, 30))] = data.draw(st.sampled_from(NOISE) | st.binary(max_size=9))
    run = run_of(PARSER, bytes(text))
    assert run.lines <= text.count(b"\n") + 1
    assert 0 <= PARSER.score("train.log", bytes(text)) <= 0.5


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read(text: bytes) -> None:
    run_of(PARSER, text)
    assert 0 <= PARSER.score("train.log", text) <= 0.5
