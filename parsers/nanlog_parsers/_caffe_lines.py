"""Cuts a log into stretches of whole lines, and a stretch into debug values and other lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nanlog.model import Piece

from ._caffe_columns import MAX_HEADS, HeadTable, Rows, debug_columns, line_ends
from ._caffe_heads import ALL_PARAMS, NORMS, Direction, Head, debug_head, nonfinite_head
from ._glog import Message, messages
from ._numbers import NUMBER, number, value_of

__all__ = ["Line", "LineReader", "Lines", "Misread", "Stretch", "stretches"]

_DEBUG_START = re.compile(r"\[(?:Forward|Backward|Update)\] (?:Layer|All net) ")
_HEAD_AND_NUMBER = re.compile(rf"(.+:) +({NUMBER})")
_HEAD_AND_TWO_NUMBERS = re.compile(rf"(\[Update\] .+ data:) +({NUMBER}); diff: +({NUMBER})")
#: ``checkFiniteLayer: conv1 forward pass bottom 0 has 0.12% non-finite elements`` and what others call the same.
_NONFINITE = re.compile(
    rf"(?:.*: )?(\S+) (forward|backward)(?: pass)?[:,]? ((?:bottom|top|param)\b.*?) (?:has|have|contains?) ({NUMBER}) ?%"
    r" (?:of )?non-?finite\b",
    re.IGNORECASE,
)
_TOO_MANY = f"more than {MAX_HEADS} different layers and blobs"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole lines; ``is_cut`` says that the last one lacks its line feed (one was added)."""

    text: bytes
    first_line: int
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A message that is no debug value, and the line it stands in."""

    number: int
    message: Message


@dataclass(frozen=True, slots=True)
class Misread:
    """A line that looks like a debug value and cannot be read."""

    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Lines:
    """What a stretch holds; everything in the order of the log."""

    debug: Rows
    others: tuple[Line, ...]
    misread: tuple[Misread, ...]


def stretches(pieces: Iterable[Piece]) -> Iterator[Stretch]:
    """Leave out the lines that come in several pieces and see to it that each stretch ends in a line feed."""
    waiting: Piece | None = None
    for piece in pieces:
        if waiting is not None and not piece.continues:
            yield Stretch(waiting.data + b"\n", waiting.first_line, is_cut=True)
        waiting = None
        data, line = piece.data, piece.first_line
        if piece.continues:
            rest = data.find(b"\n") + 1
            if not rest:
                waiting = None
                continue
            data, line = data[rest:], line + 1
        end = data.rfind(b"\n") + 1
        if end:
            yield Stretch(data[:end], line)
        if end < len(data):
            waiting = Piece(piece.file, data[end:], line + data.count(b"\n"))
    if waiting is not None:
        yield Stretch(waiting.data + b"\n", waiting.first_line, is_cut=True)


class LineReader:
    """Reads the stretches of one log; ``table`` grows with every new head."""

    def __init__(self, *, by_columns: bool = True) -> None:
        self.table = HeadTable()
        self._by_columns = by_columns

    def read(self, stretch: Stretch) -> Lines:
        feeds = line_ends(stretch.text)
        rows = debug_columns(stretch.text, feeds, self.table) if self._by_columns else Rows.none()
        is_read = np.zeros(len(feeds), np.bool_)
        is_read[rows.line] = True
        found = _Found([], [], [])
        for index in np.flatnonzero(~is_read).tolist():
            start = int(feeds[index - 1]) + 1 if index else 0
            self._line(stretch.text[start : feeds[index]], stretch.first_line + index, found)
        columns = Rows(rows.line + stretch.first_line, rows.code, rows.value)
        debug = (columns + found.rows()).in_order() if found.debug else columns
        return Lines(debug, tuple(found.others), tuple(found.misread))

    def _line(self, raw: bytes, line: int, found: _Found) -> None:
        for message in messages(raw.decode("utf-8", "replace").rstrip("\r")):
            text = message.text.strip()
            if _DEBUG_START.match(text):
                self._debug(text, line, found)
            elif "finite" in text and (check := _NONFINITE.match(text)):
                head = nonfinite_head(check[1].rstrip(":,"), check[2].lower(), check[3])
                self._enter(head, value_of(check[4]) / 100, line, found)
            elif text or not message.prefixed:
                found.others.append(Line(line, message))

    def _debug(self, text: str, line: int, found: _Found) -> None:
        values = _debug_values(text)
        if values is None:
            found.misread.append(Misread(line, text, "no number can be read where debug_info prints one"))
            return
        for head, value in values:
            self._enter(head, value, line, found)

    def _enter(self, head: Head, value: float, line: int, found: _Found) -> None:
        code = self.table.code(head)
        if code is None:
            found.misread.append(Misread(line, head.original, _TOO_MANY))
        else:
            found.debug.append((line, code, value))


def _debug_values(text: str) -> list[tuple[Head, float]] | None:
    if norms := ALL_PARAMS.fullmatch(text):
        values = [number(token) for token in norms.groups()]
        return [(h, v) for h, v in zip(NORMS, values, strict=True) if v is not None] if None not in values else None
    if (two := _HEAD_AND_TWO_NUMBERS.fullmatch(text)) and (head := debug_head(two[1])):
        step = replace(head, quantity="diff")
        return [(head, value_of(two[2])), (step, value_of(two[3]))]
    if (one := _HEAD_AND_NUMBER.fullmatch(text)) and (head := debug_head(one[1])):
        is_half = head.direction is Direction.UPDATE and head.quantity == "data"
        return None if is_half else [(head, value_of(one[2]))]
    return None


@dataclass(slots=True)
class _Found:
    debug: list[tuple[int, int, float]]
    others: list[Line]
    misread: list[Misread]

    def rows(self) -> Rows:
        line, code, value = zip(*self.debug, strict=True)
        return Rows(np.array(line, np.int64), np.array(code, np.int64), np.array(value, np.float64))
