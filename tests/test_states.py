"""The states of progress bars: what stood on the terminal, one after another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog.model import Piece
from nanlog_parsers._states import LONGEST_STATE, bulk, states, without_escapes


def states_of(*texts: bytes) -> list[tuple[int, str]]:
    """The states of a file whose pieces are ``texts``, as the source cuts them."""
    pieces, line, continues = [], 1, False
    for text in texts:
        pieces.append(Piece("train.log", text, line, continues))
        line, continues = line + text.count(b"\n"), not text.endswith(b"\n")
    return list(states(pieces))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"one\ntwo\n", [(1, "one"), (2, "two")]),
        (b"one\r\n\r\ntwo", [(1, "one"), (3, "two")]),
        (b"1/9\r2/9\r3/9\n", [(1, "1/9"), (1, "2/9"), (1, "3/9")]),
        (b"1/9\x08\x08\x08\r2/9 \x08\x08\x08\x08 3/9\n", [(1, "1/9"), (1, "2/9"), (1, " 3/9")]),
        (b"\x1b[1m 1/9\x1b[0m \x1b[32m##\x1b[0m\n", [(1, " 1/9 ##")]),
        (b"epoch 1\n\x1b[Abar 1\x1b[2Kbar 2\x1b[1Gbar 3", [(1, "epoch 1"), (2, "bar 1"), (2, "bar 2"), (2, "bar 3")]),
        (b"\x1b]0;title\x07loss\x1b]8;;http://x\x1b\\: 1", [(1, "loss: 1")]),
        (b"loss\x1b[3Cnan\x1b[K\x1b(B\x1b[m\x1b[?25l", [(1, "loss nan")]),
        (b"\r" + b" " * 200 + b"\rdone" + b" " * 200 + b"\t\n", [(1, "done")]),
        (b"cut \x1b[3", [(1, "cut 3")]),
        (b"", []),
        (b"\n\n  \n\x08\x08\r", []),
    ],
)
def test_a_text_becomes_what_stood_on_the_terminal(text: bytes, expected: list[tuple[int, str]]) -> None:
    assert states_of(text) == expected


def test_a_state_goes_on_in_the_next_piece() -> None:
    assert states_of(b"first\n1/9 lo", b"ss: 1.5\r2/9 \x1b[3", b"2mloss: 2.5\n", b"end") == [
        (1, "first"),
        (2, "1/9 loss: 1.5"),
        (2, "2/9 loss: 2.5"),
        (3, "end"),
    ]


def test_lines_are_counted_over_pieces() -> None:
    assert states_of(b"a\n\nb\n", b"c\rd\n", b"\ne") == [(1, "a"), (3, "b"), (4, "c"), (4, "d"), (6, "e")]


def test_a_line_without_end_takes_bounded_memory() -> None:
    parts = [b"x" * (LONGEST_STATE // 2)] * 6
    found = states_of(*parts)
    assert sum(len(text) for _, text in found) == 3 * LONGEST_STATE
    assert max(len(text) for _, text in found) <= 2 * LONGEST_STATE


def test_columns_are_the_same_states() -> None:
    piece = Piece("train.log", "a ━ b \r\x1b[1mc\x1b[0m\nd".encode(), 7)
    (whole, last) = bulk([piece])
    assert [whole.text[s:e].decode() for s, e in zip(whole.start, whole.end, strict=True)] == ["a ━ b", "c"]
    assert whole.line.tolist() == [7, 7]
    assert list(last) == [(8, "d")]


TEXTS = st.lists(
    st.sampled_from([b"loss: 1", b" ", b"\r", b"\n", b"\x08" * 3, b"\x1b[1m", b"\x1b[A", b"\x1b[", b"\x1b]0;", b"\x07"])
    | st.binary(max_size=4)
).map(b"".join)


@given(TEXTS)
def test_any_bytes_become_states_without_separators(text: bytes) -> None:
    lines = text.split(b"\n")
    for line, state in states_of(text):
        assert state
        assert not set(state) & set("\n\r\x08\x1b")
        assert without_escapes(state.encode()) == state.encode()
        assert 1 <= line <= len(lines)


@given(TEXTS, st.data())
def test_where_a_line_is_cut_does_not_matter(text: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    assert states_of(*[part for part in (text[:cut], text[cut:]) if part]) == states_of(text)
