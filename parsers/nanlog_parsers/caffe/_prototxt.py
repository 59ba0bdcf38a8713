"""Reads the text format of protocol buffers: the dumps in a Caffe log and stand-alone ``.prototxt`` files.

No schema is needed and nothing raises: what is broken, cut off or mixed with other output is skipped to the end of its
line and noted, the rest is read.  The grammar is that of
https://protobuf.dev/reference/protobuf/textformat-spec/ : ``key: value``, ``key { }``, ``key: { }``, ``< >``, lists,
adjacent strings, both kinds of quotes, comments, and ``,`` or ``;`` between fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Document", "Field", "Message", "Problem", "Scalar", "read_prototxt"]

Scalar = str | int | float | bool

#: Deeper messages are skipped; Caffe's own nest six deep.
MAX_DEPTH = 64
#: Integers beyond 64 bits become floats.
MAX_INTEGER = 2**63 - 1

_TOKEN = re.compile(
    r"""
    (?P<gap>[\s,;]+|\#[^\n]*)
    |(?P<string>"(?:[^"\\\n]|\\[^\n])*+"|'(?:[^'\\\n]|\\[^\n])*+')
    |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]{1,16}+|(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?)[fF]?(?![\w.]))
    |(?P<word>[A-Za-z_][\w.]*+)
    |(?P<sign>-)
    |(?P<open>[{<])
    |(?P<close>[}>])
    |(?P<colon>:)
    |(?P<begin>\[)
    |(?P<end>\])
    |(?P<stray>[^\s,;{}<>]++)
    """,
    re.VERBOSE,
)
_EXTENSION = re.compile(r"\[[\w./]+\](?=\s*[:{<])")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_LETTER_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_WORDS: dict[str, Scalar] = {"true": True, "True": True, "false": False, "False": False}


@dataclass(frozen=True, slots=True)
class Message:
    """Fields in the order written; a repeated field occurs several times."""

    fields: tuple[Field, ...] = ()

    def all(self, name: str) -> tuple[Scalar | Message, ...]:
        return tuple(f.value for f in self.fields if f.name == name)

    def first(self, name: str) -> Scalar | Message | None:
        return next((f.value for f in self.fields if f.name == name), None)


@dataclass(frozen=True, slots=True)
class Field:
    """``line`` is that of the value (of the opening brace for a message).

    Quoted text and enum words are both ``str``; ``inf`` and ``nan`` are floats, ``true`` and ``false`` booleans.
    """

    name: str
    value: Scalar | Message
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Document:
    message: Message
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def read_prototxt(text: str, lines: Sequence[int] | None = None) -> Document:
    """Read ``text``; ``lines[k]`` is the number to report for its k-th line (counted from 0), by default ``k + 1``."""
    reader = _Reader(list(_tokens(text, lines)))
    fields = reader.fields(depth=0)
    return Document(Message(fields), tuple(reader.problems))


def _tokens(text: str, lines: Sequence[int] | None) -> Iterator[_Token]:
    row = 0
    position = 0
    while position < len(text):
        found = _EXTENSION.match(text, position) or _TOKEN.match(text, position)
        if found is None:  # pragma: no cover - the last alternatives take any character
            break
        position = found.end()
        kind = found.lastgroup or "extension"
        if kind == "gap":
            row += found.group().count("\n")
            continue
        line = row + 1 if lines is None else lines[min(row, len(lines) - 1)]
        yield _Token(kind, found.group(), line)


class _Reader:
    """A cursor over tokens; each method leaves it behind what it read."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self.problems: list[Problem] = []

    def fields(self, depth: int) -> tuple[Field, ...]:
        """Read up to the closing brace of a message; up to the end at depth 0."""
        found: list[Field] = []
        while (token := self._peek()) is not None:
            if token.kind == "close":
                self._at += 1
                if depth:
                    return tuple(found)
                self._note(token, "a closing brace without an opening one")
            elif token.kind in ("word", "extension"):
                self._at += 1
                found += self._values(token, depth)
            else:
                self._skip_line("a field name was expected")
        if depth:
            self._note(self._tokens[-1], "the text ends inside a message")
        return tuple(found)

    def _values(self, name: _Token, depth: int) -> list[Field]:
        has_colon = self._take("colon")
        token = self._peek()
        if token is None or (token.kind != "open" and not has_colon):
            self._skip_line("neither a colon nor a brace follows the name", name)
            return []
        if self._take("begin"):
            return self._list(name, depth)
        field = self._value(name, depth)
        return [] if field is None else [field]

    def _list(self, name: _Token, depth: int) -> list[Field]:
        found: list[Field] = []
        while (token := self._peek()) is not None and not self._take("end"):
            field = self._value(name, depth)
            if field is None:
                break
            found.append(field)
        if token is None:
            self._note(name, "the list does not end")
        return found

    def _value(self, name: _Token, depth: int) -> Field | None:
        token = self._peek()
        if token is not None and token.kind == "open":
            self._at += 1
            if depth + 1 >= MAX_DEPTH:
                self._skip_message(token, f"nested more than {MAX_DEPTH} deep")
                return None
            return Field(name.text.strip("[]"), Message(self.fields(depth + 1)), token.line)
        value = self._scalar()
        if value is None or token is None:
            self._skip_line(f"{name.text} has no value that can be read", name)
            return None
        return Field(name.text.strip("[]"), value, token.line)

    def _scalar(self) -> Scalar | None:
        if (token := self._peek()) is None:
            return None
        negative = self._take("sign")
        if (token := self._peek()) is None or token.kind not in ("string", "number", "word"):
            return None
        self._at += 1
        if token.kind == "string":
            return None if negative else _unquoted(token.text) + self._adjacent_strings()
        value = _number(token.text) if token.kind == "number" else _word(token.text)
        if not negative:
            return value
        return None if isinstance(value, str) else -value

    def _adjacent_strings(self) -> str:
        parts = []
        while (token := self._peek()) is not None and token.kind == "string":
            self._at += 1
            parts.append(_unquoted(token.text))
        return "".join(parts)

    def _skip_message(self, opening: _Token, why: str) -> None:
        self._note(opening, why)
        depth = 1
        while depth and (token := self._peek()) is not None:
            self._at += 1
            depth += {"open": 1, "close": -1}.get(token.kind, 0)

    def _skip_line(self, why: str, culprit: _Token | None = None) -> None:
        """Leave out the rest of the line of ``culprit``; a message that opens in it is left out as a whole."""
        first = culprit or self._peek()
        if first is None:
            return
        self._note(first, why)
        while (token := self._peek()) is not None and token.line == first.line and token.kind not in ("open", "close"):
            self._at += 1
        if token is not None and token.kind == "open" and token.line == first.line:
            self._at += 1
            self._skip_message(token, "a message without a name")

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, kind: str) -> bool:
        token = self._peek()
        if token is None or token.kind != kind:
            return False
        self._at += 1
        return True

    def _note(self, token: _Token, why: str) -> None:
        self.problems.append(Problem(token.line, token.text, why))


def _number(text: str) -> Scalar:
    digits = text.lstrip("-+")
    if digits[:2].lower() == "0x":
        value = int(text, 16)
    elif digits.isdigit() and len(digits) < 20:
        octal = digits[0] == "0" and not set(digits) & set("89")
        value = int(text, 8 if octal else 10)
    else:
        return float(text.rstrip("fF"))
    return value if abs(value) <= MAX_INTEGER else float(value)


def _word(text: str) -> Scalar:
    if text.lower() in ("inf", "inff", "infinity", "nan", "nanf"):
        return float(text[:3])
    return _WORDS.get(text, text)


def _unquoted(text: str) -> str:
    """Bytes that are not UTF-8 become U+FFFD."""
    return _ESCAPE.sub(_unescaped, text[1:-1].encode("utf-8", "surrogatepass")).decode("utf-8", "replace")


def _unescaped(found: re.Match[bytes]) -> bytes:
    octal, hexadecimal, short, long, letter = found.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    if short is not None or long is not None:
        point = int(short or long, 16)
        return chr(min(point, 0x10FFFF)).encode("utf-8", "replace")
    return _LETTER_ESCAPES.get(letter, letter)
