"""The shape of a line: the same keys in the same places, with other numbers.

Punctuation is made a blank or left out, and what is between the blanks is a piece.  A shape says which pieces are
numbers, which have to be a certain word, and which do not matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nanlog_parsers._tables import MEASURED_ON, NAMED_BY, cell

from ._events import tells_of_event
from ._records import DEEPEST

__all__ = ["Shape", "shape_of"]

_TOKEN = re.compile(
    rb'"(?P<string>(?:[^"\\]|\\.)*+)"|(?P<mark>[{},:])|(?P<bare>[-+\w.]++)|(?P<blank>[ ]++)', re.ASCII | re.DOTALL
)
#: Longer lines, and lines of more pieces, are read by themselves.
_LONGEST, _MOST_PIECES = 1 << 16, 5000
_CONSTANT = MEASURED_ON | set(NAMED_BY) | {"_type", "event_type"}


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How to take lines of one shape to pieces.

    ``numbers`` maps dotted names to the piece that holds the number, ``fixed`` pieces to what they hold in all lines of
    the shape.  ``words`` are those strings that say what the numbers beside them are; they are fixed.  ``texts`` are
    the pieces in which other strings begin: a number there would be another shape.  ``before`` is what stands before
    the object.  A line of the shape is ``shorter`` by so many bytes when it is translated.
    """

    table: bytes
    deleted: bytes
    width: int
    shorter: int
    numbers: dict[str, int]
    fixed: dict[int, bytes]
    words: dict[str, str]
    texts: tuple[int, ...]
    before: str

    def translated(self, data: bytes) -> bytes:
        return data.translate(self.table, self.deleted)


def shape_of(line: bytes) -> Shape | None:
    """The shape of a line that holds an object without lists; None for any other."""
    line = line.rstrip(b"\r\n")
    start, end = line.find(b"{"), line.rfind(b"}") + 1
    if not 0 <= start < end or len(line) > _LONGEST or line[end:].strip(b", ]") or line.count(b" ") > _MOST_PIECES:
        return None
    table, deleted = _translation(line[start:end])
    return _Reader(line, table, deleted).read(start, end)


def _translation(text: bytes) -> tuple[bytes, bytes]:
    """Make a blank of a ``,`` or ``:`` only where the writer put none behind it."""
    deleted = b'"'
    blanks = b"}"
    for mark in b",", b":":
        if re.search(mark + rb"(?! )", text):
            blanks += mark
        else:
            deleted += mark
    return bytes.maketrans(blanks, b" " * len(blanks)), deleted


class _Reader:
    def __init__(self, line: bytes, table: bytes, deleted: bytes) -> None:
        self._line = line
        self._table = table
        self._deleted = deleted
        self._pieces = line.translate(table, deleted).split(b" ")
        self._numbers: dict[str, int] = {}
        self._fixed: dict[int, bytes] = {}
        self._words: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._texts: list[int] = []
        self._has_quoted_number = self._has_punctuated_text = False

    def read(self, start: int, end: int) -> Shape | None:
        for piece in range(self._piece_at(start)):
            if not re.search(rb"\d", self._pieces[piece]):
                self._fixed[piece] = self._pieces[piece]
        if not self._take_object(start, end) or not self._numbers or tells_of_event(self._said):
            return None
        if self._has_quoted_number and self._has_punctuated_text:
            return None  # "1,5" and "a" would be as long as "15" and "a,"
        return Shape(
            self._table,
            self._deleted,
            len(self._pieces),
            len(self._line) - sum(map(len, self._pieces)) - len(self._pieces) + 1,
            self._numbers,
            self._fixed,
            self._words,
            tuple(self._texts),
            self._line[:start].decode("utf-8", "replace"),
        )

    def _take_object(self, start: int, end: int) -> bool:
        """Read the tokens; False for what is no object of scalars and objects."""
        path: list[str] = []
        key: str | None = None
        is_value = False
        at = start
        while at < end:
            token = _TOKEN.match(self._line, at, end)
            if token is None:
                return False
            at = token.end()
            mark = token["mark"]
            if mark == b"{":
                if len(path) > DEEPEST:
                    return False
                path.append("" if key is None else f"{path[-1]}{key}.")
                key, is_value = None, False
            elif mark == b"}":
                path.pop()
                key, is_value = None, False
                if not path:
                    return at == end
            elif mark == b":":
                is_value = key is not None
            elif mark == b",":
                key, is_value = None, False
            elif token["blank"] is None:
                if not is_value and token["string"] is not None:
                    key = token["string"].decode("utf-8", "replace")
                    self._fix(token.start(), token.end())
                elif key is None or not path or not self._take_value(path[-1] + key, token):
                    return False
        return False

    def _take_value(self, name: str, token: re.Match[bytes]) -> bool:
        content = token["bare"] if token["string"] is None else token["string"]
        text = content.decode("utf-8", "replace")
        if token["bare"] in {b"true", b"false"}:
            self._fix(token.start(), token.end())
            return True
        try:
            cell(text)
        except ValueError:
            if token["string"] is None:
                return False
            self._said[name] = text
            if name.rpartition(".")[2].lower() in _CONSTANT:
                self._words[name] = text
                self._fix(token.start(), token.end())
            else:
                self._texts.append(self._piece_at(token.start()))
                self._has_punctuated_text |= any(mark in content for mark in b",:")
            return True
        self._has_quoted_number |= token["string"] is not None
        piece = self._piece_at(token.start())
        self._numbers[name] = piece
        return self._pieces[piece] == content and "\\" not in name

    def _fix(self, start: int, end: int) -> None:
        for piece in range(self._piece_at(start), self._piece_at(end) + 1):
            self._fixed[piece] = self._pieces[piece]

    def _piece_at(self, place: int) -> int:
        """The piece that what stands at a place of the line falls into."""
        return self._line[:place].translate(self._table, self._deleted).count(b" ")
