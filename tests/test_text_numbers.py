"""Where the numbers of a line stand and how they are spelt."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanlog.model import Piece
from nanlog_parsers._states import bulk
from nanlog_parsers.text import PARSER
from nanlog_parsers.text._lex import lex
from text_logs import run_of


def numbers(line: str) -> list[str]:
    """The numbers of a line, as texts."""
    (states,) = bulk([Piece("train.log", line.encode(), 1)])
    lexed = lex(states)
    return [lexed.row(0)[begin:end].decode() for begin, end in lexed.numbers(0)]


def value(text: str) -> float:
    """What is read of the loss in the last of some lines."""
    lines = "".join(f"step {k} loss 1.0 lr 0.1\n" for k in range(3))
    series = run_of(PARSER, f"{lines}step 3 loss {text} lr 0.1\n").table["loss"]
    assert series.step.tolist() == [0, 1, 2, 3]
    return float(series.value[-1])


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "NAN", "-nan", "+nan", "nan.0", "-nan(ind)", "1.#QNAN", "-1.#IND", "nan."]
)
def test_nan_in_every_spelling(text: str) -> None:
    assert math.isnan(value(text))


@pytest.mark.parametrize("text", ["inf", "Inf", "INF", "+inf", "inf.0", "Infinity", "+Infinity", "1.#INF", "1.#INF00"])
def test_infinity_in_every_spelling(text: str) -> None:
    assert value(text) == math.inf


@pytest.mark.parametrize("text", ["-inf", "-Infinity", "-inf.0", "-1.#INF"])
def test_minus_infinity(text: str) -> None:
    assert value(text) == -math.inf


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1e-3", 1e-3), ("-1.5E+10", -1.5e10), ("+0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("1e400", math.inf), ("0", 0.0)],
)
def test_plain_numbers(text: str, expected: float) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("INFO inference of nanosecond timers, info level", []),
        ("time nanms", []),
        ("time 12.34ms, mfu -100.00%", ["12.34", "-100.00"]),
        ("534.10it/s 4.16s/it 2.1G", ["534.10", "4.16", "2.1"]),
        ("v1.2.3 resnet50 Acc@1 layer4.bias", []),
        ("[2026-11-23 02:23:10,138]", ["2026-11-23", "02", "23", "10", "138"]),
        ("loss=nan,lr=1e-3", ["nan", "1e-3"]),
        ("loss\uff1a0.5", ["0.5"]),
        ("(+nanz)", []),
        ("#5: {'loss': 'nan'}", ["5", "nan"]),
        ("80%|████12  | 40/50 [00:01", ["80", "40", "50", "00", "01"]),
    ],
)
def test_what_is_a_number(line: str, expected: list[str]) -> None:
    assert numbers(line) == expected


#: The definition of a number, for single words.
WORD = re.compile(r"[A-Za-z0-9._+@-]+")
NUMBER = re.compile(r"[+-]?\.?[0-9]|[+-]?(?:nan|inf)(?:\.0?)?$|[+-]?infinity\.?$", re.IGNORECASE)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0159.+-eEnaNifIty@ =:,[/(%x", min_size=1, max_size=40))
def test_columns_find_what_the_definition_says(line: str) -> None:
    if not line.strip() or re.search(r"\.(?:nan|inf)", line, re.IGNORECASE):  # YAML's .inf, and words that end so
        return
    line = line.strip()
    found = numbers(line)
    expected = [word[0] for word in WORD.finditer(line) if NUMBER.match(word[0])]
    assert len(found) == len(expected)
    for one, whole in zip(found, expected, strict=True):
        assert whole.startswith(one)
        assert one[-1].isdigit() or one.lower().lstrip("+-.") in {"nan", "inf", "infinity"}
        assert whole[len(one) :] == "" or not any(c.isdigit() for c in whole[len(one) :])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=3, max_size=30))
def test_every_float_is_read_as_it_was_printed(values: list[float]) -> None:
    text = "".join(f"step {step} | loss {number!r} | lr 0.1\n" for step, number in enumerate(values))
    read = run_of(PARSER, text).table["loss"].value.tolist()
    assert [repr(number) for number in read] == [repr(number) for number in values]
