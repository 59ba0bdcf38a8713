"""Real logs, whole and damaged, in pieces of any size and by both ways of reading."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caffe_logs import LOGS, PREFIX, Reading, TextSource, glog, read, read_log
from labelled_logs import NON_FINITE, Sample
from nanlog.model import Piece
from nanlog_parsers.caffe import PARSER
from nanlog_parsers.caffe._columns import HeadTable, debug_columns, line_ends
from nanlog_parsers.caffe._heads import nonfinite_head
from nanlog_parsers.caffe._lines import LineReader, stretches
from nanlog_parsers.caffe._training import TrainingLog

every_log = pytest.mark.parametrize("log", LOGS, ids=lambda log: log.parent.name)


def line_by_line(text: bytes) -> Reading:
    """Read without the short cuts."""
    reader = LineReader(by_columns=False)
    training = TrainingLog("train.log", reader.table.heads)
    blocks = [training.read(reader.read(stretch)) for stretch in stretches(TextSource(text).pieces("train.log"))]
    return Reading((*blocks, training.finish()))


def everything(reading: Reading) -> tuple[object, ...]:
    return (
        reading.points,
        {(name, info.stage, info.phase, info.rank) for name, info in reading.series.items()},
        [fact for block in reading.blocks for fact in block.facts if fact.value == fact.value],
        sorted(reading.marks, key=lambda mark: mark.line),
        sorted(reading.unread, key=lambda unread: unread.line),
    )


@every_log
def test_short_cuts_change_nothing(log: Path) -> None:
    text = log.read_bytes()
    assert everything(read(text)) == everything(line_by_line(text))


@every_log
@pytest.mark.parametrize("size", [1, 700, 20_000])
def test_pieces_change_nothing(log: Path, size: int) -> None:
    text = log.read_bytes()[-120_000 if size == 1 else 0 :]
    pieces, whole = read(text, size), read(text)
    assert everything(pieces) == everything(whole)


@every_log
def test_every_debug_line_is_a_point(log: Path) -> None:
    reading = read_log(log)
    lines = log.read_bytes().split(b"\n")
    shown = {number for number, line in enumerate(lines, 1) if b" blob " in line and line.count(b": ")}
    assert shown <= {point.line for point in reading.points}
    assert all(point.step >= 0 for point in reading.points)


@pytest.mark.parametrize("sample", [s for s in NON_FINITE if s.dialect == "caffe"], ids=lambda sample: sample.id)
def test_the_onset_is_there(sample: Sample) -> None:
    at_onset = [p for p in read_log(sample.log).points if p.line == sample.label["onset_line"]]
    masked = sample.label.get("onset_is_mask")
    assert sample.label["onset_step"] in {p.step for p in at_onset if masked or not math.isfinite(p.value)}


def test_logs_are_recognised() -> None:
    for log in LOGS:
        head = log.read_bytes()[:65536]
        assert PARSER.score("x", head) == 1.0
        assert PARSER.score("x", head[len(head) // 2 :]) > 0.5


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"I0000 00:00:1700000000.123456 123 port.cc:153] oneDNN custom operations are on",
        b"W1123 10:00:00.123456 1234 cuda_dnn.cc:10] Loaded cuDNN version 8900",
        b"I1123 10:00:00.123456 1234 my_solver.cc:10] iteration 3",
        b"{'loss': 0.5, 'grad_norm': nan, 'learning_rate': 0.01}",
        b"Epoch 1/5\n10/10 - 0s - loss: nan",
        b"[2024-01-01] Iteration: 5 loss: nan",
        b"iter 5: loss 2.3, time 3ms",
        bytes(range(256)) * 20,
    ],
)
def test_other_logs_are_not_ours(text: bytes) -> None:
    assert PARSER.score("x", text) == 0.0


def test_bare_lines_are_ours_with_less_certainty() -> None:
    assert 0.5 < PARSER.score("x", b"Iteration 100, loss = nan\n") < 1


PIECES = [
    b"\x00",
    b"\n",
    b"\r\n",
    b"\xff\xfe",
    b"{",
    b"}",
    b": ",
    b" = ",
    b"nan",
    b"\x85",
    b"I1123 02:31:20.1 1 a.cpp:1] ",
]
edits = st.tuples(
    st.floats(0, 1),
    st.sampled_from(["flip", "cut", "remove", "repeat", "insert"]),
    st.integers(1, 300),
    st.sampled_from(PIECES),
)


def damaged(text: bytes, edit: tuple[float, str, int, bytes]) -> bytes:
    where, kind, size, piece = edit
    at = int(where * len(text))
    match kind:
        case "flip":
            return text[:at] + bytes([text[at] ^ (size % 255 + 1)]) + text[at + 1 :] if at < len(text) else text
        case "cut":
            return text[:at]
        case "remove":
            return text[:at] + text[at + size :]
        case "repeat":
            return text[: at + size] + text[at:]
        case _:
            return text[:at] + piece + text[at:]


#: The set-up, the first iterations and the end of each log.
SEEDS = [text[:14_000] + text[-9_000:] for text in (log.read_bytes() for log in LOGS)]


@settings(max_examples=120)
@given(st.sampled_from(SEEDS), st.lists(edits, min_size=1, max_size=6), st.integers(1, 30_000))
def test_damage_never_raises_and_both_ways_agree(
    text: bytes, changes: list[tuple[float, str, int, bytes]], size: int
) -> None:
    for edit in changes:
        text = damaged(text, edit)
    assert everything(read(text, size)) == everything(line_by_line(text))


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read(text: bytes) -> None:
    assert everything(read(text)) == everything(line_by_line(text))
    assert everything(read(PREFIX.encode() + text)) == everything(line_by_line(PREFIX.encode() + text))


def test_a_line_longer_than_a_piece_is_left_out() -> None:
    before, after = glog("Iteration 0, loss = 1").encode(), glog("Iteration 1, loss = 2").encode()
    long = PREFIX.encode() + b"x" * 100
    pieces = [
        Piece("f", before, 1),
        Piece("f", long, 2),
        Piece("f", long, 2, continues=True),
        Piece("f", b"end Iteration 7, loss = 7\n" + after, 2, continues=True),
    ]
    texts = list(stretches(pieces))
    assert [(s.text, s.first_line, s.is_cut) for s in texts] == [(before, 1, False), (after, 3, False)]


def test_the_last_line_may_lack_its_end() -> None:
    [whole, cut] = stretches([Piece("f", b"a\nb", 5)])
    assert (whole.text, whole.first_line, whole.is_cut) == (b"a\n", 5, False)
    assert (cut.text, cut.first_line, cut.is_cut) == (b"b\n", 6, True)


def test_heads_without_end_do_not_eat_memory() -> None:
    table = HeadTable(most=50)
    text = "".join(
        glog(f"    [Forward] Layer conv{i}, top blob conv{i} data: 1", place="net.cpp:593") for i in range(200)
    ).encode()
    for _ in range(2):
        rows = debug_columns(text, line_ends(text), table)
    assert len(table.heads) == 50
    assert len(rows) < 50
    assert table.code(nonfinite_head("new", "forward", "top 0")) is None
