from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog_parsers.caffe._prototxt import MAX_DEPTH, Document, Field, Message, Scalar, read_prototxt

Value = Scalar | Message


def fields(text: str) -> list[tuple[str, Value, int]]:
    document = read_prototxt(text)
    assert document.problems == ()
    return [(field.name, field.value, field.line) for field in document.message.fields]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x: 1", 1),
        ("x: -1", -1),
        ("x: - 1", -1),
        ("x: 0x1F", 31),
        ("x: 010", 8),
        ("x: 08", 8),
        ("x: 9223372036854775807", 2**63 - 1),
        ("x: 99999999999999999999", 1e20),
        ("x: 0.01", 0.01),
        ("x: 1e-05", 1e-05),
        ("x: .5", 0.5),
        ("x: 1.5f", 1.5),
        ("x: inf", math.inf),
        ("x: -inf", -math.inf),
        ("x: 1e400", math.inf),
        ("x: true", True),
        ("x: false", False),
        ("x: CONVOLUTION", "CONVOLUTION"),
        ('x: "fixed"', "fixed"),
        ("x: 'it is \"fixed\"'", 'it is "fixed"'),
        ('x: "a" \'b\'\n "c"', "abc"),
        (r'x: "\n\t\\\"\101\x41\u0041"', '\n\t\\"AAA'),
        (r'x: "\303\244"', "ä"),
        ('x: ""', ""),
        ("x:1;", 1),
        ("x : 1,", 1),
        ("# a comment\nx: 1 # another", 1),
    ],
)
def test_a_scalar(text: str, value: Scalar) -> None:
    assert [found for _, found, _ in fields(text)] == [value]


@pytest.mark.parametrize("text", ["x: nan", "x: -nan", "x: NaN"])
def test_nan(text: str) -> None:
    [(_, value, _)] = fields(text)
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize("text", ["m { a: 1 }", "m: { a: 1 }", "m < a: 1 >", "m: <a: 1>", "m{a:1}", "m {\n\n  a: 1 }"])
def test_a_message(text: str) -> None:
    [(name, message, _)] = fields(text)
    assert name == "m"
    assert isinstance(message, Message)
    assert [(f.name, f.value) for f in message.fields] == [("a", 1)]


def test_lists_are_repeated_fields() -> None:
    assert [(name, value) for name, value, _ in fields("k: [3, 5] k: 7 e: []")] == [("k", 3), ("k", 5), ("k", 7)]
    message = read_prototxt("m: [{ a: 1 }, < a: 2 >]").message
    assert [m.first("a") for m in message.all("m") if isinstance(m, Message)] == [1, 2]


def test_extensions_have_their_name() -> None:
    assert fields("[my.ext]: 2") == [("my.ext", 2, 1)]


def test_each_field_has_its_line() -> None:
    text = 'name: "LeNet"\nlayer {\n  type: "ReLU"\n\n  bottom: "a" top: "b"\n}\n'
    [name, layer] = read_prototxt(text).message.fields
    assert (name.line, layer.line) == (1, 2)
    assert isinstance(layer.value, Message)
    assert [(f.name, f.line) for f in layer.value.fields] == [("type", 3), ("bottom", 5), ("top", 5)]


def test_lines_may_be_numbered_by_the_caller() -> None:
    assert [f.line for f in read_prototxt("a: 1\nb: 2\n", [7, 11]).message.fields] == [7, 11]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a: 1\n}\nb: 2", ["a", "b"]),
        ("a: 1\nI am a print statement\nb: 2", ["a", "b"]),
        ("a: 1\nloading { x: 1 } now\nb: 2", ["a", "loading", "b"]),
        ("a: 1\n== {\n x: 1 }\nb: 2", ["a", "b"]),
        ('a: "unterminated\nb: 2', ["b"]),
        ("a:\n}\nb: 2", ["b"]),
        ("a: [1, 2", ["a", "a"]),
        ("a: 1\nm {\n  b: 2\n", ["a", "m"]),
        ("a: 12ab\nb: 2", ["b"]),
        ("a", []),
        ("a:", []),
        ("a: -", []),
        ("{ a: 1 }\nb: 2", ["b"]),
        ("]]] [ : ,\nb: 2", ["b"]),
    ],
)
def test_what_is_broken_is_left_out_and_noted(text: str, kept: list[str]) -> None:
    document = read_prototxt(text)
    assert [field.name for field in document.message.fields] == kept
    assert document.problems


@pytest.mark.parametrize("text", ["a{", "a: [", "a: [{", "[", "{", "<", '"', "\\", "a: -"])
def test_endless_nesting_ends(text: str) -> None:
    depth, message = 0, read_prototxt(text * 20_000).message
    while message.fields and isinstance(message.fields[0].value, Message):
        depth, message = depth + 1, message.fields[0].value
    assert depth < MAX_DEPTH


names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name not in ("inf", "nan"))
words = st.from_regex(r"[A-Z][A-Z_]{0,8}", fullmatch=True).filter(lambda word: word not in ("INF", "NAN"))
floats = st.floats(allow_nan=False).filter(lambda x: x != int(x) if math.isfinite(x) else True)
scalars = (
    st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | floats
    | words
    | st.text(st.characters(exclude_categories=["Cs"]))
)


def quoted(text: str, quote: str) -> str:
    escapes = {"\\": "\\\\", "\n": "\\n", quote: "\\" + quote}
    return quote + "".join(escapes.get(c, c) for c in text) + quote


@st.composite
def written_messages(draw: st.DrawFn, depth: int = 3) -> tuple[str, tuple[tuple[str, object], ...]]:
    """The text of a message with free layout, and its fields with messages as tuples."""
    text = ""
    meant: list[tuple[str, object]] = []
    for name in draw(st.lists(names, max_size=4)):
        gap = draw(st.sampled_from([" ", "\n", "  ", " # note\n", ", ", ";\n"]))
        if depth and draw(st.booleans()):
            inner, fields = draw(written_messages(depth=depth - 1))
            opening, closing = draw(st.sampled_from([(" {", "}"), (": {", "}"), (" <", ">"), ("{\n", "\n}")]))
            text += f"{name}{opening}{inner} {closing}{gap}"
            meant.append((name, fields))
            continue
        value = draw(scalars)
        is_word = (
            isinstance(value, str) and draw(st.booleans()) and value.isascii() and value.isupper() and value.isalpha()
        )
        if isinstance(value, bool):
            shown = str(value).lower()
        elif isinstance(value, str) and not is_word:
            shown = quoted(value, draw(st.sampled_from("'\"")))
        else:
            shown = str(value)
        text += f"{name}: {shown}{gap}"
        meant.append((name, value))
    return text, tuple(meant)


def plain(message: Message) -> tuple[tuple[str, object], ...]:
    return tuple((f.name, plain(f.value) if isinstance(f.value, Message) else f.value) for f in message.fields)


@given(written_messages())
def test_what_is_written_is_read(written: tuple[str, tuple[tuple[str, object], ...]]) -> None:
    text, meant = written
    document = read_prototxt(text)
    assert document.problems == ()
    assert plain(document.message) == meant


@given(st.text(st.sampled_from("ab:{}<>[]\"'\\-#,;. \n019xef"), max_size=60) | st.text(max_size=40))
def test_any_text_is_read(text: str) -> None:
    document = read_prototxt(text)
    assert isinstance(document, Document)
    assert all(isinstance(field, Field) for field in document.message.fields)
