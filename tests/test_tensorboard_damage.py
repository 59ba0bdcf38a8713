"""Damaged, cut and growing event files: what is whole is read, what is not is told, and nothing raises."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_files import FILES, Read, event, file_of, masked, read, record, scalar, sub, version
from nanlog.model import MarkKind
from nanlog.source import open_source
from nanlog_parsers.tensorboard import PARSER
from nanlog_parsers.tensorboard._crc import LONGEST_COLUMN, checksum

PAYLOADS = [version(), *(scalar(tag, k / 7, k) for k in range(40) for tag in ("loss", "lr", "grad_norm"))]
RECORDS = [record(payload) for payload in PAYLOADS]
WHOLE = b"".join(RECORDS)
ENDS = [sum(map(len, RECORDS[: k + 1])) for k in range(len(RECORDS))]


def lines(found: Read) -> list[int]:
    return [point.line for point in found.points]


@given(st.binary(max_size=3000))
def test_checksums(content: bytes) -> None:
    assert checksum(content) == masked(content)


def test_a_file_cut_at_every_byte() -> None:
    """What a running training has written so far: all records that are there to the end, and no complaint."""
    everything = lines(read(WHOLE))
    for end in range(0, len(WHOLE), 7):
        found = read(WHOLE[:end], size=400)
        complete = sum(e <= end for e in ENDS)
        assert lines(found) == everything[: max(complete - 1, 0)]
        assert not found.unread
        assert [mark.kind for mark in found.marks] == [MarkKind.NOTE] * (end not in (0, *ENDS))


def test_a_flipped_bit_costs_one_record() -> None:
    everything = lines(read(WHOLE))
    for at in range(0, len(WHOLE), 11):
        damaged = WHOLE[:at] + bytes([WHOLE[at] ^ 0x10]) + WHOLE[at + 1 :]
        found = read(damaged, size=1000)
        hit = sum(e <= at for e in ENDS) + 1
        assert lines(found) == [line for line in everything if line != hit]
        assert len(found.unread) == 1
        assert found.unread[0].line == hit
        begin = ENDS[hit - 2] if hit > 1 else 0
        assert found.unread[0].text == f"byte {begin}"


def test_a_damaged_length_says_where_reading_goes_on() -> None:
    damaged = WHOLE[: ENDS[9]] + b"\xff" + WHOLE[ENDS[9] + 1 :]
    (unread,) = read(damaged).unread
    assert unread.why == f"the length of the record is damaged; reading goes on at byte {ENDS[10]}"


def test_bytes_that_are_missing_or_too_many() -> None:
    everything = lines(read(WHOLE))
    for cut in (1, 11, 30, 300):
        found = read(WHOLE[: ENDS[20] + 5] + WHOLE[ENDS[20] + 5 + cut :])
        hit = sum(ENDS[20] < e <= ENDS[20] + 5 + cut for e in ENDS) + 1
        # the beginning of one and the end of another record of that length may happen to make a whole one
        assert hit - 1 <= len(everything) - len(found.points) <= hit
    for extra in (b"\0" * 50, b"x", os.urandom(2000), WHOLE[100:180]):
        found = read(WHOLE[: ENDS[20]] + extra + WHOLE[ENDS[20] :])
        assert len(found.points) >= len(everything)
        assert found.unread


def test_a_record_cut_short_swallows_only_itself() -> None:
    """A process dies in the middle of a record and another one appends to the file."""
    found = read(WHOLE[: ENDS[20] + 15] + WHOLE)
    assert lines(found)[:20] == list(range(2, 22))
    assert [(p.step, p.value) for p in found.points[20:]] == [(p.step, p.value) for p in read(WHOLE).points]


def test_zeros_behind_the_last_record() -> None:
    """What some file systems leave after a crash."""
    found = read(WHOLE + bytes(3 << 20), size=1 << 20)
    assert lines(found) == lines(read(WHOLE))
    assert len(found.unread) == 1


def test_nothing_but_damage() -> None:
    start = time.process_time()
    for content in (os.urandom(3 << 20), bytes(3 << 20), b"\t" * (3 << 20), (struct.pack("<Q", 9) + b"\t") * 300_000):
        assert not read(content).points
    assert time.process_time() - start < 10


def test_headers_that_are_right_and_payloads_that_are_not() -> None:
    """Each header claims the bytes of all that follow."""
    length = struct.pack("<Q", 60_000)
    head = length + struct.pack("<I", masked(length)) + b"\t"
    start = time.process_time()
    found = read(head * 100_000 + WHOLE)
    assert found.unread
    assert time.process_time() - start < 20


def test_a_length_beyond_reason() -> None:
    length = struct.pack("<Q", 1 << 60)
    head = length + struct.pack("<I", masked(length))
    found = read(WHOLE + head + bytes(5 << 20))
    assert lines(found) == lines(read(WHOLE))
    assert "not looked into" in found.unread[0].why


@pytest.mark.parametrize("size", [LONGEST_COLUMN, LONGEST_COLUMN + 1, 65_535, 65_536, 70_000, 3 << 20])
def test_long_records(size: int) -> None:
    """Pictures, graphs and long texts lie between the scalars."""
    image = event(5, sub(5, sub(1, sub(1, b"image") + sub(4, bytes(size)))))
    found = read(file_of(version(), scalar("loss", 1, 1), image, scalar("loss", 2, 2)))
    assert [(p.line, p.value) for p in found.points] == [(2, 1.0), (4, 2.0)]
    assert not found.unread


def test_a_sound_record_that_is_no_event() -> None:
    payloads = [b"\t" + bytes(8) + b"\xff" * 12, b"", b"\x0b", b"\x2a\xff", event(1, sub(5, b"\x0a\x7f"))]
    found = read(file_of(version(), *payloads, scalar("loss", 1, 1)))
    assert len(found.points) == 1
    assert [unread.line for unread in found.unread] == [2, 4, 5, 6]
    assert all("no event" in unread.why for unread in found.unread)


@given(st.binary(max_size=2000))
def test_any_bytes(content: bytes) -> None:
    PARSER.score("train.log", content)
    read(content, size=500)


@given(st.binary(max_size=300), st.integers(0, 20))
def test_any_event(content: bytes, count: int) -> None:
    read(file_of(version(), *[b"\t" + bytes(8) + content] * count, b"\t" + bytes(8) + sub(5, sub(1, content))))


@given(
    file=st.sampled_from(FILES),
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12), st.integers(0, 40)), min_size=1, max_size=6),
)
def test_a_real_file_with_changes(file: Path, edits: list[tuple[float, bytes, int]]) -> None:
    content = file.read_bytes()[:30_000]
    for where, new, removed in edits:
        at = int(where * len(content))
        content = content[:at] + new + content[at + removed :]
    read(content, size=7000)


def test_recognition() -> None:
    assert PARSER.score("x", WHOLE) == 1.0
    assert PARSER.score("events.out.tfevents.1", b"\xff" + WHOLE[1:]) > 0.8
    assert PARSER.score("events.out.tfevents.1", b"") > 0.8
    assert PARSER.score("train.log", b"") == 0
    assert PARSER.score("notes about tfevents.txt", b"step 1 loss 2\n") == 0
    examples = record(sub(1, sub(1, b"feature")))  # a TFRecord file of tf.train.Example
    assert PARSER.score("data.tfrecord", examples * 20) == 0


def test_binary_content_comes_through_the_source_unchanged(tmp_path: Path) -> None:
    """Pieces are cut at line feeds, of which a record may have none for a long time, or many."""
    payloads = [scalar("loss", 1, k) for k in range(2000)]
    payloads.insert(1000, event(3, sub(5, sub(1, sub(1, b"image") + sub(4, b"\x00\xff\r\x1a" * (5 << 19))))))
    payloads.insert(1500, event(3, sub(5, sub(1, sub(1, b"image") + sub(4, b"\n" * 1000)))))
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(file_of(version(), *payloads))
    source = open_source(str(path))
    found = Read(list(PARSER.read(source)))
    assert len(found.points) == 2000
    assert not found.unread
