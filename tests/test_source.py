from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from labelled_logs import SAMPLES
from nanlog.errors import UnreadableError
from nanlog.model import Piece, Source
from nanlog.source import open_source
from nanlog.source.text import LONGEST_LINE, PIECE, as_utf8, pieces_of

LOG = SAMPLES[0].log
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "bzip2": lambda data: bz2.compress(data, 1),
    "Zstandard": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def content(source: Source) -> bytes:
    return b"".join(piece.data for file in source.files for piece in source.pieces(file))


def read(path: Path, data: bytes) -> tuple[bytes, list[str]]:
    """What comes out of a file that holds ``data``, and the complaints about it."""
    path.write_bytes(data)
    source = open_source(str(path))
    text = content(source)
    assert source.head(source.files[0], 100) == text[:100]
    return text, [unread.why for unread in source.damage()]


def noise(size: int) -> bytes:
    """Lines that no compression makes much smaller, the same at every call."""
    numbers = np.random.default_rng(1).integers(1 << 60, size=size // 16)
    return b"\n".join(b"%x" % number for number in numbers.tolist()) + b"\n"


# --- plain text


def test_a_plain_file_is_named_as_it_was_given_and_comes_byte_for_byte() -> None:
    source = open_source(str(LOG))
    assert source.name == str(LOG)
    assert source.files == (str(LOG),)
    assert content(source) == LOG.read_bytes()
    assert source.damage() == ()


def test_pieces_are_cut_at_line_ends_and_numbered(tmp_path: Path) -> None:
    lines = [b"line %d of a file that is longer than a piece" % number for number in range(1, 150_001)]
    (tmp_path / "log").write_bytes(b"\n".join(lines) + b"\n")
    source = open_source(str(tmp_path / "log"))
    pieces = list(source.pieces(source.files[0]))
    assert len(pieces) > 3
    assert all(piece.data.endswith(b"\n") for piece in pieces)
    for piece in pieces:
        assert piece.data.startswith(lines[piece.first_line - 1] + b"\n")
        assert not piece.continues


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"no line end", b"a\r\nb\rc\r\n", b"a\0b\n\0", b"\xff\xfe"[:1], b"\x80\n"]
)
def test_bytes_are_left_alone(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path / "log", data) == (data, [])


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
@given(text=st.text(), cuts=st.lists(st.integers(0, 30)))
def test_a_byte_order_mark_tells_the_encoding(mark: bytes, encoding: str, text: str, cuts: list[int]) -> None:
    data = mark + text.encode(encoding)
    edges = sorted({0, *cuts, len(data)})
    chunks = [data[begin:end] for begin, end in pairwise(edges)]
    # UTF-16 text that begins with a NUL cannot be told from UTF-32
    if not (encoding == "utf-16-le" and text.startswith("\0")):
        assert b"".join(as_utf8(chunks)) == text.encode()


def test_half_a_character_at_the_end_is_replaced(tmp_path: Path) -> None:
    text, _ = read(tmp_path / "log", codecs.BOM_UTF16_LE + "loss".encode("utf-16-le") + b"x")
    assert text.decode() == "loss\ufffd"


def test_the_log_of_powershell_is_read_like_any_other(tmp_path: Path) -> None:
    log = LOG.read_text(encoding="utf-8")
    assert read(tmp_path / "log", log.encode("utf-16")) == (log.encode(), [])


# --- long lines


def test_a_very_long_line_comes_in_parts(tmp_path: Path) -> None:
    long = b"x" * (3 * LONGEST_LINE)
    data = b"first\n" + long + b"\nlast\n"
    (tmp_path / "log").write_bytes(data)
    source = open_source(str(tmp_path / "log"))
    pieces = list(source.pieces(source.files[0]))
    assert b"".join(piece.data for piece in pieces) == data
    assert max(len(piece.data) for piece in pieces) <= LONGEST_LINE + PIECE
    assert {piece.first_line for piece in pieces if piece.continues} == {2}
    assert [(unread.line, unread.why) for unread in source.damage()] == [
        (2, "the line is longer than 8 MiB and was read in parts")
    ]


@given(
    chunks=st.lists(st.text("ab\n", max_size=40).map(str.encode)),
    size=st.integers(1, 20),
    longest=st.integers(1, 40),
)
def test_pieces_hold_all_the_text_with_right_line_numbers(chunks: list[bytes], size: int, longest: int) -> None:
    whole = b"".join(chunks)
    before = b""
    for piece in pieces_of("log", iter(chunks), size=size, longest_line=longest):
        assert piece.data
        assert piece == Piece("log", piece.data, before.count(b"\n") + 1, before[-1:] not in {b"", b"\n"})
        before += piece.data
        if not piece.data.endswith(b"\n") and before != whole:
            assert b"\n" not in piece.data, "cut inside a line although it could have been cut behind one"
            assert len(piece.data) >= longest, "cut inside a line that is not too long"
    assert before == whole


# --- compression


@pytest.mark.parametrize("kind", COMPRESS)
def test_compression_is_known_by_content_whatever_the_name(tmp_path: Path, kind: str) -> None:
    log = LOG.read_bytes()
    assert read(tmp_path / "train.log", COMPRESS[kind](log)) == (log, [])


@pytest.mark.parametrize("kind", COMPRESS)
def test_members_that_follow_one_another_are_one_text(tmp_path: Path, kind: str) -> None:
    compress = COMPRESS[kind]
    data = compress(b"one\n") + b"\0" * 2000 + compress(b"") + compress(b"two\n") + b"\0" * 512
    assert read(tmp_path / "log", data) == (b"one\ntwo\n", [])


@pytest.mark.parametrize("kind", COMPRESS)
def test_an_empty_compressed_file_is_an_empty_log(tmp_path: Path, kind: str) -> None:
    assert read(tmp_path / "log", COMPRESS[kind](b"")) == (b"", [])


def test_a_file_of_pzstd_begins_with_a_skippable_frame(tmp_path: Path) -> None:
    data = b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstandard.compress(b"text\n")
    assert read(tmp_path / "log", data) == (b"text\n", [])


@pytest.mark.parametrize("kind", COMPRESS)
def test_of_a_cut_file_what_is_there_is_read(tmp_path: Path, kind: str) -> None:
    text = noise(600_000)
    packed = COMPRESS[kind](text)
    got, why = read(tmp_path / "log", packed[: len(packed) * 2 // 3])
    assert text.startswith(got)
    assert len(got) > len(text) // 3
    assert why == [f"the file ends at byte {len(packed) * 2 // 3} in the middle of its {kind} data"]


@pytest.mark.parametrize("kind", COMPRESS)
def test_of_a_damaged_file_what_comes_before_is_read(tmp_path: Path, kind: str) -> None:
    text = noise(600_000)
    packed = bytearray(COMPRESS[kind](text))
    hole = len(packed) * 2 // 3
    packed[hole : hole + 300] = bytes(300)
    (tmp_path / "log").write_bytes(packed)
    source = open_source(str(tmp_path / "log"))
    got = content(source)
    # Damage in stored blocks of gzip shows in the checksum only
    assert got[: len(text) // 3] == text[: len(text) // 3]
    (unread,) = source.damage()
    assert f"the {kind} data is damaged between bytes " in unread.why
    assert unread.file == str(tmp_path / "log")
    assert unread.line == got.count(b"\n") + 1


def test_what_is_no_member_behind_the_last_is_reported(tmp_path: Path) -> None:
    packed = gzip.compress(b"text\n")
    text, why = read(tmp_path / "log", packed + b"garbage")
    assert text == b"text\n"
    assert why == [f"what follows byte {len(packed)}, where the gzip data ends, is something else"]


def test_nothing_can_be_read_of_a_file_that_is_a_beginning_only(tmp_path: Path) -> None:
    text, why = read(tmp_path / "log", b"\x1f\x8b\x08\x00")
    assert text == b""
    assert why == ["the file ends at byte 4 in the middle of its gzip data"]


def test_an_xz_file_cannot_ask_for_all_memory(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    text, why = read(tmp_path / "log", lzma.compress(b"text\n" * 9, filters=filters))
    assert text == b""
    assert len(why) == 1


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_decompression_bomb_takes_little_memory(tmp_path: Path, kind: str) -> None:
    size = 80 << 20
    (tmp_path / "log").write_bytes(COMPRESS[kind](bytes(size)))
    source = open_source(str(tmp_path / "log"))
    tracemalloc.start()
    try:
        length = sum(len(piece.data) for piece in source.pieces(source.files[0]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert length == size
    assert peak < 64 << 20


# --- folders


def test_a_folder_is_all_its_files_in_natural_order(tmp_path: Path) -> None:
    for name in ("log.10", "log.2", "b/log.1", "a10/log", "a9/log", "log.1.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "log.1.gz").write_bytes(gzip.compress(b"packed"))
    source = open_source(str(tmp_path))
    names = [os.path.relpath(file, tmp_path) for file in source.files]
    assert names == ["a9/log", "a10/log", "b/log.1", "log.1.gz", "log.2", "log.10"]
    assert content(source) == b"a9/loga10/logb/log.1packedlog.2log.10"


def test_hidden_files_and_special_ones_are_left_out(tmp_path: Path) -> None:
    for name in (".hidden", ".nanlog/runs/x/run.json", "log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    assert open_source(str(tmp_path)).files == (str(tmp_path / "log"),)


def test_links_neither_loop_nor_double(tmp_path: Path) -> None:
    (tmp_path / "caffe.host.log.INFO.20261123-101112.77").write_bytes(b"text\n")
    (tmp_path / "caffe.INFO").symlink_to("caffe.host.log.INFO.20261123-101112.77")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "nowhere").symlink_to("missing")
    source = open_source(str(tmp_path))
    assert source.files == (str(tmp_path / "caffe.host.log.INFO.20261123-101112.77"),)
    assert [unread.file for unread in source.damage()] == [str(tmp_path / "nowhere")]


def test_a_name_that_is_not_unicode_is_escaped(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"log\xff")).write_bytes(b"text\n")
    source = open_source(str(tmp_path))
    assert source.files == (str(tmp_path / "log\\udcff"),)
    assert content(source) == b"text\n"


# --- standard input


def test_standard_input_can_be_looked_at_before_it_is_read() -> None:
    script = """
from nanlog.source import open_source
import sys
source = open_source("-")
assert source.name == "-" and source.files == ("-",)
assert source.head("-", 5) == source.head("-", 5) == b"line "
first = source.pieces("-")
second = source.pieces("-")
text = b"".join(a.data + b.data for a, b in zip(first, second, strict=True))
sys.stdout.buffer.write(text)
"""
    lines = b"".join(b"line %d\n" % number for number in range(10_000))
    done = subprocess.run([sys.executable, "-c", script], input=lines, capture_output=True, check=True)
    assert done.stdout == lines * 2


@pytest.mark.parametrize("size", [100_000, 20_000_000])
def test_standard_input_may_be_compressed_and_large(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    text = noise(size)
    packed = zstandard.compress(text)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
    source = open_source("-")
    assert source.head("-", 200) == text[:200]
    assert content(source) == text


def test_standard_input_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UnreadableError, match="standard input: it is closed"):
        open_source("-").head("-")


# --- what cannot be read


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"no\.log: there is no such file; name a log file, a folder"):
        open_source(str(tmp_path / "no.log"))


def test_a_folder_without_files(tmp_path: Path) -> None:
    (tmp_path / ".nanlog").mkdir()
    with pytest.raises(UnreadableError, match="no file in this folder can be read; hidden files are left out"):
        open_source(str(tmp_path))


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a pipe")
    with pytest.raises(UnreadableError, match=r"a named pipe.*nanlog diagnose - < '/.*a pipe'"):
        open_source(str(tmp_path / "a pipe"))


def test_a_device_is_refused() -> None:
    with pytest.raises(UnreadableError, match="a device, which may never end"):
        open_source("/dev/zero")


def test_a_socket_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(UnreadableError, match=r"cannot read .*/s: "):
            open_source(str(tmp_path / "s"))


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnreadableError, match="Not a directory"):
        open_source(str(tmp_path / "file/log"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.log"
    secret.write_bytes(b"")
    secret.chmod(0)
    with pytest.raises(UnreadableError, match="permission denied; see who may: ls -ld"):
        open_source(str(secret))
    with pytest.raises(UnreadableError, match="no file in this folder can be read"):
        open_source(str(tmp_path))
    (tmp_path / "open.log").write_bytes(b"text\n")
    source = open_source(str(tmp_path))
    assert source.files == (str(tmp_path / "open.log"),)
    assert [unread.file for unread in source.damage()] == [str(secret)]


def test_a_file_that_vanishes_after_it_was_found(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"text\n")
    source = open_source(str(tmp_path / "log"))
    (tmp_path / "log").unlink()
    with pytest.raises(UnreadableError, match="there is no such file"):
        content(source)
