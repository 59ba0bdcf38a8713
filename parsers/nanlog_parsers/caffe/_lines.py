"""Cuts a log into stretches of whole lines, and a stretch into debug values and other lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nanlog.model import Piece
from nanlog_parsers._numbers import NUMBER, number, value_of

from ._columns import MAX_HEADS, HeadTable, Rows, debug_columns, line_ends
from ._glog import Message, messages
from ._heads import ALL_PARAMS, NORMS, Head, debug_head, nonfinite_head
from ._hot import Norms, hot_line
from ._messages import Displayed, Output

__all__ = ["LineReader", "Lines", "Misread", "NonFinite", "Stretch", "stretches"]

_DEBUG_START = re.compile(r"\[(?:Forward|Backward|Update)\] (?:Layer|All net) ")
_HEAD_AND_NUMBER = re.compile(rf"(.+:) +({NUMBER})")
_HEAD_AND_TWO_NUMBERS = re.compile(rf"(\[Update\] .+ data:) +({NUMBER}); diff: +({NUMBER})")
#: What layers of users print: ``checkFiniteLayer: conv1 forward pass bottom 0 has 0.12% non-finite elements``.
_NONFINITE = re.compile(
    rf"(?:.*: )?(\S+) (forward|backward)(?: pass)?[:,]? ((?:bottom|top|param)\b.{{0,80}}?)"
    rf" (?:has|have|contains?) ({NUMBER}) ?% (?:of )?non-?finite\b",
    re.IGNORECASE,
)
_LONGEST_REMARK = 400
_TOO_MANY = f"more than {MAX_HEADS} different layers and blobs"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole lines; ``is_cut`` says that the last one lacks its line feed (one was added)."""

    text: bytes
    first_line: int
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class NonFinite:
    """A layer of the user reports the share (0..1) of non-finite elements; it is among the debug values as well."""

    head: Head
    share: float


@dataclass(frozen=True, slots=True)
class Misread:
    """A line that looks like a debug value and cannot be read."""

    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Lines:
    """What a stretch holds; everything in the order of the log, ``others`` with their lines."""

    debug: Rows
    others: list[tuple[int, Displayed | Output | NonFinite | Message]]
    misread: list[Misread]


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
        text = stretch.text
        feeds = line_ends(text)
        rows = debug_columns(text, feeds, self.table) if self._by_columns else Rows.none()
        is_left = np.ones(len(feeds), np.bool_)
        is_left[rows.line] = False
        left = np.flatnonzero(is_left)
        found = _Found([], [], [], [])
        starts = np.concatenate((np.zeros(1, np.int64), feeds[:-1] + 1))[left].tolist()
        for line, start, end in zip((left + stretch.first_line).tolist(), starts, feeds[left].tolist(), strict=True):
            hot = hot_line(text, start, end) if self._by_columns else None
            if hot is None:
                self._line(text[start:end], line, found)
            elif isinstance(hot, Norms):
                found.norms.append((line, *hot))
            else:
                found.others.append((line, hot))
        columns = Rows(rows.line + stretch.first_line, rows.code, rows.value)
        debug = (columns + found.rows(self.table)).in_order() if found.debug or found.norms else columns
        return Lines(debug, found.others, found.misread)

    def _line(self, raw: bytes, line: int, found: _Found) -> None:
        for message in messages(raw.decode("utf-8", "replace").rstrip("\r")):
            text = message.text.strip()
            if _DEBUG_START.match(text):
                self._debug(text, line, found)
            elif "finite" in text and (check := _NONFINITE.match(text[:_LONGEST_REMARK])):
                head = nonfinite_head(check[1].rstrip(":,"), check[2].lower(), check[3])
                share = value_of(check[4]) / 100
                self._enter(head, share, line, found)
                found.others.append((line, NonFinite(head, share)))
            elif text or not message.prefixed:
                found.others.append((line, message))

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
        return None if head.is_first_of_two else [(head, value_of(one[2]))]
    return None


@dataclass(slots=True)
class _Found:
    debug: list[tuple[int, int, float]]
    norms: list[tuple[int, float, float, float, float]]
    others: list[tuple[int, Displayed | Output | NonFinite | Message]]
    misread: list[Misread]

    def rows(self, table: HeadTable) -> Rows:
        single = np.array(self.debug, np.float64).reshape(-1, 3)
        norms = np.array(self.norms, np.float64).reshape(-1, 1 + len(NORMS))
        return Rows(single[:, 0].astype(np.int64), single[:, 1].astype(np.int64), single[:, 2]) + Rows(
            np.repeat(norms[:, 0].astype(np.int64), len(NORMS)),
            np.tile(np.array([table.code(norm) for norm in NORMS], np.int64), len(norms)),
            norms[:, 1:].ravel(),
        )
