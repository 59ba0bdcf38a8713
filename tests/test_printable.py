from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog.report import printable

anything = st.text(st.characters(exclude_categories=()), max_size=300)  # lone surrogates included


@given(anything, st.integers(1, 200))
def test_nothing_unprintable_survives(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    shown.encode()


@given(st.text(st.characters(categories=("L", "N", "P", "S")), max_size=80))
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(text, 80) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("conv1\x1b[2J\x07", "conv1\\x1b[2J\\x07"),
        ("a\r\nb\tc", "a  b c"),
        ("\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"),
        ("\u2028", " "),
        ("\x9b31m", "\\x9b31m"),
        ("bad\udcffname", "bad\\xffname"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("损失", "损失"),
    ],
)
def test_how_it_shows(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_name_keeps_both_ends() -> None:
    shown = printable("first" + "x" * 10_000 + "last", 20)
    assert len(shown) == 20
    assert shown.startswith("first")
    assert shown.endswith("last")
    assert "…" in shown


def test_a_limit_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 characters"):
        printable("x", 0)
