"""The reader of tables: both of its ways give the same, and the same as pandas."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_logs import ROOT
from nanlog.model import Piece
from nanlog.source import open_source
from nanlog.testing._texts import Texts
from nanlog_parsers._tables import Chunk, cell, find_header, read_tables
from nanlog_parsers._tables._arrow import arrow_chunk
from nanlog_parsers._tables._kinds import Kinds
from nanlog_parsers._tables._plain import plain_chunks

TABLES = sorted(ROOT.glob("sample_logs/*/*/*.csv"))

NONE = ["", "NA", "null", "None", "#na#"]
VALUES = ["nan", "-nan", "NaN", "+nan", "inf", "-inf", "Infinity", "-Infinity", "INF", "1.#QNAN", "-1.#INF", "nan.0"]


@dataclass
class Told:
    """All cells of a table, by column: line and the bits of the value."""

    cells: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    unread: list[tuple[int, str]] = field(default_factory=list)


def bits(value: float) -> bytes:
    return struct.pack("d", math.nan if math.isnan(value) else value)


def told(chunks: Iterable[Chunk]) -> Told:
    found = Told()
    for chunk in chunks:
        for position, column in chunk.columns.items():
            cells = found.cells.setdefault(chunk.header.names[position], [])
            cells += zip(chunk.line[column.row].tolist(), map(bits, column.value.tolist()), strict=True)
        found.unread += [(unread.line, unread.why) for unread in chunk.unread]
    return found


def table(text: bytes, size: int = 1 << 21) -> Told:
    return told(read_tables(Texts("t", {"t.csv": text}, size).pieces("t.csv")))


def values(text: str) -> dict[str, list[tuple[int, float]]]:
    return {
        name: [(line, struct.unpack("d", value)[0]) for line, value in cells]
        for name, cells in table(text.encode()).cells.items()
    }


@pytest.mark.parametrize("file", TABLES, ids=[f"{file.parent.parent.name}-{file.parent.name}" for file in TABLES])
def test_real_tables_hold_what_pandas_reads(file: Path) -> None:
    frame = pd.read_csv(file)
    source = open_source(str(file))
    found = told(read_tables(source.pieces(source.files[0])))
    assert found.unread == []
    text = file.read_text().replace("\r", "").split("\n")[1:]
    for position, name in enumerate(frame.columns):
        logged = [row for row, line in enumerate(text) if line and line.split(",")[position] != ""]
        expected = [(row + 2, bits(float(frame[name][row]))) for row in logged]
        assert found.cells.get(name, []) == expected


numbers = st.floats().map(repr) | st.floats(width=32).map("{:.6g}".format) | st.integers(0, 10**6).map(str)
WORDS = ["x", "0.5s", "1e"]
ODD = ["", "a,b,c", "1,2", "1,2,3,4", "text", '1,"2",3', "b,c,d", "1,2,\xff"]

cells = st.one_of(numbers, numbers, *map(st.sampled_from, (NONE, VALUES, WORDS)))
rows = st.lists(cells, min_size=3, max_size=3).map(",".join)
lines = st.one_of(rows, rows, rows, rows, rows, st.sampled_from(ODD))


def both_ways(text: bytes) -> tuple[Told | None, Told]:
    """What pyarrow's way and the plain way read below the header ``a,b,c``, of which all columns hold numbers."""
    found = find_header(b"a,b,c\n1,2,3\n", 1)
    assert found is not None
    ways: list[Told | None] = []
    for fast in (True, False):
        kinds = Kinds(found[0])
        list(plain_chunks("t", b"1,2,3\n", 1, kinds))
        if fast:
            chunk = arrow_chunk("t", text, 5, kinds)
            ways.append(None if chunk is None else told([chunk]))
        else:
            ways.append(told(plain_chunks("t", text, 5, kinds)))
    plain = ways[1]
    assert plain is not None
    return ways[0], plain


@given(st.lists(lines, min_size=1, max_size=30), st.sampled_from(["\n", "\r\n"]))
def test_both_ways_read_the_same(text: list[str], end: str) -> None:
    fast, plain = both_ways("".join(line + end for line in text).encode("latin-1"))
    if fast is not None:
        assert fast.cells == plain.cells
        assert [line for line, _ in fast.unread] == [line for line, _ in plain.unread]


@given(st.lists(rows, min_size=1, max_size=30))
def test_pyarrow_reads_whatever_has_the_shape_of_the_header(text: list[str]) -> None:
    fast, _ = both_ways("".join(line + "\n" for line in text).encode())
    assert fast is not None


@given(st.floats(allow_nan=False))
def test_a_float_is_read_to_its_last_bit(value: float) -> None:
    text = f"a,b,c\n{value!r},{value:.17e},1\n".encode()
    fast, plain = both_ways(text.split(b"\n", 1)[1])
    assert fast == plain
    assert [cells[0][1] for cells in (plain.cells["a"], plain.cells["b"])] == [bits(value)] * 2


@given(st.binary(max_size=200), st.integers(1, 40))
def test_no_bytes_raise(text: bytes, size: int) -> None:
    table(b"a,b\n1,2\n" + text, size)


@pytest.mark.parametrize("size", [1, 30, 1 << 21])
def test_pieces_of_any_size_give_the_same(size: int) -> None:
    text = (
        b"some text\nepoch,loss,val\n" + b"".join(b"%d,%f,\n" % (i, i / 7) for i in range(9000)) + b"9,nan,1\n2,x,3\n4"
    )
    assert table(text, size) == table(text)


def test_not_logged_is_not_nan() -> None:
    found = values("step,loss,val_loss,lr\n0,1,,NA\n1,nan,null,None\n2,inf,3,0.1\n")
    assert found["val_loss"] == [(4, 3.0)]
    assert found["lr"] == [(4, 0.1)]
    assert [line for line, value in found["loss"] if math.isnan(value)] == [3]


@pytest.mark.parametrize("text", VALUES)
def test_every_way_to_write_a_non_finite_number(text: str) -> None:
    value = values(f"step,loss\n0,1\n1,{text}\n2,1\n")["loss"][1][1]
    assert math.isnan(value) if "nan" in text.lower() else math.isinf(value)
    assert (math.copysign(1, value) < 0) == text.startswith("-") or math.isnan(value)


def test_cells_that_are_dressed_up() -> None:
    assert cell("tensor(0.5, device='cuda:0', grad_fn=<NllLossBackward0>)") == 0.5
    assert cell("[2.5]") == 2.5
    assert cell("93.1%") == 93.1
    for words in ("tensor(x)", "0.5s", "1_000", "0x10", "\u0661", "1e", "--1"):
        with pytest.raises(ValueError, match="number"):
            cell(words)


def test_a_later_header_begins_another_table() -> None:
    found = table(b"step,loss\n1,2\n2,3\nstep,acc,loss\n1,0.5,4\n")
    assert [line for line, _ in found.cells["loss"]] == [2, 3, 5]
    assert [line for line, _ in found.cells["acc"]] == [5]
    assert found.unread == []


def test_rows_that_do_not_fit_are_unread() -> None:
    found = table(b"step,loss\n1,2\n2\n3,4,5\n4,x\nall is well\n5,6\n")
    assert [line for line, _ in found.unread] == [3, 4, 5]
    assert [line for line, _ in found.cells["loss"]] == [2, 7]
    assert [line for line, _ in found.cells["step"]] == [2, 5, 7]


@pytest.mark.parametrize("end", [b"3", b"3,1e", b"3,n", b'3,"4'])
def test_a_last_line_that_was_cut_is_normal(end: bytes) -> None:
    assert table(b"step,loss\n1,2\n2,3\n" + end).unread == []


def test_names_and_cells_in_quotes() -> None:
    text = '"step","loss, total","note"\r\n"1","2.5","a ""b"", c"\r\n"2","nan","two\r\nlines"\r\n"3","1","c"\r\n'
    assert [line for line, _ in values(text)["loss, total"]] == [2, 3, 5]


def test_a_comma_as_decimal_point() -> None:
    assert values("epoch;loss\n1;0,5\n2;1,25e-3\n")["loss"] == [(2, 0.5), (3, 0.00125)]


def test_repeated_names_stay_apart() -> None:
    assert sorted(values("step,loss,loss\n1,2,3\n2,4,5\n")) == ["loss", "loss.1", "step"]


def test_columns_of_words_are_left_out_or_kept_on_demand() -> None:
    text = b"step,split,loss\n" + b"1,train,2\n1,val,3\n" * 9000
    for chunk in read_tables(Texts("t", {"t": text}).pieces("t"), words={"split"}):
        assert set(chunk.columns) == {0, 2}
        words = chunk.words[1]
        assert [words.distinct[code] for code in words.code[:4]] in (["train", "val"] * 2, ["val", "train"] * 2)


def test_carriage_returns_and_nul_do_no_harm() -> None:
    rows = b"".join(b"%d,%d\n" % (i, i) for i in range(20_000))
    clean = table(b"step,loss\n" + rows)
    assert len(clean.cells["loss"]) == 20_000
    found = table(b"step,loss\n" + rows.replace(b"\n50,50\n", b"\n50,50\r51,51\n").replace(b"\n90,", b"\n\x0090,"))
    assert len(found.cells["loss"]) == 20_001
    assert [line for line, _ in found.unread] == [92]


def test_wide_tables_and_huge_cells_take_their_time_and_no_more() -> None:
    began = time.monotonic()
    width = 5000
    text = b",".join(b"c%d" % i for i in range(width)) + b"\n"
    text += b"".join(b"%d" % i + b",1.5" * (width - 1) + b"\n" for i in range(40)) + b"," * (width - 1) + b"\n"
    text += b"x" * 10_000_000 + b"\n" + b"," * 3_000_000 + b"\n" + b"7" + b",nan" * (width - 1) + b"\n"
    found = table(text)
    assert len(found.cells["c4999"]) == 41
    assert time.monotonic() - began < 20


def test_a_line_too_long_for_a_piece_is_left_out() -> None:
    pieces = [
        Piece("t", b"step,loss\n1,2\n2,", 1),
        Piece("t", b"9" * 100, 3, continues=True),
        Piece("t", b"9\n4,5\n", 3, continues=True),
    ]
    assert told(read_tables(pieces)).cells["loss"] == [(2, bits(2.0)), (4, bits(5.0))]


def test_steps_are_whole_numbers() -> None:
    (chunk,) = read_tables([Piece("t", b"step,loss\n1e3,2\n,3\n-1,3\nnan,4\n1e300,5\n", 1)])
    assert chunk.steps(0).tolist() == [1000, -1, -1, -1, -1]
    assert np.array_equal(chunk.block({}, chunk.steps(0)).step, [])
