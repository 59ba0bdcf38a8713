from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog_parsers._numbers import number, trailing_numbers

#: Longer than anything that is looked at before a number.
BEFORE = "I1123 02:31:20.788003 10453 net.cpp:593] data: "


def column(tokens: list[str]) -> list[float | None]:
    """The tokens as the last words of lines, read all at once."""
    lines = [f"{BEFORE}{token}" for token in tokens]
    text = "\n".join(lines).encode()
    ends = np.cumsum([len(line.encode()) + 1 for line in lines]) - 1
    found = trailing_numbers(text, ends)
    starts = ends - [len(token.encode()) for token in tokens]
    assert (found.start[found.good] == starts[found.good]).all()
    return [value if good else None for value, good in zip(found.value.tolist(), found.good.tolist(), strict=True)]


def same(a: float | None, b: float | None) -> bool:
    """Equal to the last bit; all NaN are one."""
    if a is None or b is None:
        return a is b
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("nan", math.nan),
        ("-nan", math.nan),
        ("NaN", math.nan),
        ("nan(ind)", math.nan),
        ("-nan(ind)", math.nan),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("Infinity", math.inf),
        ("1.#QNAN", math.nan),
        ("-1.#IND", math.nan),
        ("1.#SNAN", math.nan),
        ("-1.#IND00", math.nan),
        ("1.#INF", math.inf),
        ("1.#INF00", math.inf),
        ("-1.#INF", -math.inf),
        ("0", 0.0),
        ("-0", -0.0),
        ("87.3365", 87.3365),
        ("1e-38", 1e-38),
        ("2.09e+24", 2.09e24),
        ("-1.75162e-43", -1.75162e-43),
        ("1e+308", 1e308),
        ("1e999", math.inf),
        ("3.40282e+38", 3.40282e38),
        ("1.7976931348623157e+308", 1.7976931348623157e308),
        ("5.", 5.0),
        (".5", 0.5),
        ("123456789012345678901234567890", 1.2345678901234568e29),
    ],
)
def test_a_number(token: str, value: float) -> None:
    assert same(number(token), value)
    assert token.endswith(")") or same(column([token])[0], value)


CUT = ["", "-", "+", ".", "e", "1e", "1e-", "1.2e+", "na", "in", "1.#", "1.#QN"]
STRANGE = ["0x10", "1,5", "1_000", "1.2.3", "--1", "1-2", "nanms", "infinite", "12a", "1e5e5", "٣", "1e-0x", "1e--1"]


@pytest.mark.parametrize("token", CUT + STRANGE)
def test_no_number(token: str) -> None:
    assert number(token) is None
    assert not token or column([token]) == [None]


printed = st.builds(
    lambda value, form: form % value, st.floats(), st.sampled_from(["%g", "%.12g", "%f", "%e", "%.17g"])
)


@given(st.lists(printed, min_size=1, max_size=20))
def test_printed_floats_are_read_exactly(tokens: list[str]) -> None:
    alone = [number(token) for token in tokens]
    assert all(same(a, float(token)) for a, token in zip(alone, tokens, strict=True))
    assert all(same(a, b) for a, b in zip(column(tokens), alone, strict=True))


@given(st.lists(st.text("0123456789.e+-naif#QNADI", min_size=1, max_size=18), min_size=1, max_size=8))
def test_both_ways_agree_on_any_token(tokens: list[str]) -> None:
    assert all(same(a, number(token)) for a, token in zip(column(tokens), tokens, strict=True))
