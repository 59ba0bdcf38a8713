"""Rows of one meaning, and the numbers that mean something as columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nanlog.model import Unread
from nanlog_parsers._numbers import trailing_numbers

from ._header import NO_HEADER, Header, header_of
from ._left_out import LeftOut
from ._lex import Lexed
from ._roles import Roles, learn
from ._shape import Key, Meaning, Shape
from ._shapes import ShapeTable

__all__ = ["Part", "Parts"]

#: So many lines, from the beginning and the end of those at hand, show how the numbers of a shape differ.
_SAMPLES = 24
#: Of a line that is too long so many bytes say what it is about.
_OPENING = 500
_HIGHEST = 10**15
_RANGE = re.compile(rb"\d{1,15}-(\d{1,15})")
#: Names of columns stand on lines of this length.
_WIDEST_HEADER = 600
_WORD = re.compile(rb"[A-Za-z]{2}")
#: A line that is the only one of its shape says something where it counts or has a loss.
_TELLING = re.compile(
    rb"loss|epoch|step|iter|batch|update|\bit\b|\bl\.?r\b|learn|grad|norm|nll|elbo|objective|cost|criterion|score|scale"
    rb"|^\s*\[?\d|\[\s*\d{1,9}\s*[/\],]",
    re.IGNORECASE,
)

#: What a letter behind a counter multiplies it by, if nothing of a word follows.
_THOUSANDS = np.ones(256)
_THOUSANDS[[ord("k"), ord("K")]], _THOUSANDS[ord("M")] = 1e3, 1e6
_IS_WORD = np.array([chr(code).isalnum() or chr(code) == "_" for code in range(256)])

Rows = NDArray[np.int64]


@dataclass(eq=False, slots=True)
class Part:
    """Rows that mean the same; a column for each place that counts or is a value."""

    meaning: Meaning
    key: tuple[bytes, ...]
    rows: Rows
    columns: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    good: dict[int, NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def roles(self) -> Roles:
        return self.meaning.roles

    def whole(self, place: int | None) -> Rows:
        """A column of counters; -1 where a row has none."""
        if place is None:
            return np.full(len(self.rows), -1, np.int64)
        column = self.columns[place]
        ok = self.good[place] & (column >= 0) & (column < _HIGHEST)
        column = np.where(ok, column, 0)
        return np.where(ok & (column == np.floor(column)), column, -1).astype(np.int64)


class Parts:
    """Divides the rows of a log into parts and learns what each means."""

    def __init__(self, left_out: LeftOut | None = None) -> None:
        self._left_out = left_out or LeftOut()
        self._shapes = ShapeTable()
        self._header = NO_HEADER

    def of(self, lexed: Lexed, aside: NDArray[np.bool_]) -> list[Part]:
        """The parts of a stretch that have values or count, with their columns; rows ``aside`` are left out."""
        headers = _headers(lexed)
        alike: dict[int, tuple[Meaning, list[tuple[Shape, Rows]]]] = {}
        for shape, rows in list(self._shapes.rows_by_shape(lexed)):
            own = rows[~aside[rows]]
            if len(own):
                alike.setdefault(id(shape.meaning), (shape.meaning, []))[1].append((shape, own))
        parts: list[Part] = []
        for meaning, found in alike.values():
            self._understand(lexed, meaning, [rows for _, rows in found], headers)
            for shape, rows in found:
                if meaning.roles.pinned and not shape.pinned:
                    parts += self._pinned(lexed, shape, rows, meaning.roles.pinned)
                else:
                    parts.append(Part(meaning, shape.key, rows))
        if headers:
            self._header = headers[-1][1]
        for part in parts:
            self._left_out.numbers(lexed, part.meaning, part.rows)
        parts = [part for part in parts if part.roles.values or part.roles.heading]
        _read_columns(lexed, parts)
        return parts

    def unread(self, file: str, lexed: Lexed, aside: NDArray[np.bool_]) -> Iterator[Unread]:
        """Rows of the last stretch that are too long, or have too many numbers, though they may be of the training."""
        rows = self._shapes.unfit[~aside[self._shapes.unfit]]
        openings = [lexed.text[(at := int(lexed.start[row])) : at + _OPENING] for row in rows.tolist()]
        told = [_WORD.search(text) is not None and _TELLING.search(text) is not None for text in openings]
        rows = rows[np.array(told, np.bool_)]
        return self._left_out.lines(file, lexed, rows, "a line that is too long, or has too many numbers")

    def _pinned(self, lexed: Lexed, shape: Shape, rows: Rows, pinned: tuple[int, ...]) -> Iterator[Part]:
        for variant, own in list(self._shapes.divided(lexed, shape, rows, pinned)):
            self._understand(lexed, variant.meaning, [own], [])
            yield Part(variant.meaning, variant.key, own)

    def _understand(
        self, lexed: Lexed, meaning: Meaning, found: Sequence[Rows], headers: Sequence[tuple[int, Header]]
    ) -> None:
        """Learn what lines mean the first time they are seen; once more if they may be headings, told by repetition."""
        roles = meaning.roles
        unsure = bool(roles.counters) and not roles.values and not roles.heading and meaning.seen < 1000
        if meaning.understood and not unsure:
            return
        rows = np.sort(np.concatenate(found)) if len(found) > 1 else found[0]
        first = int(rows[0])
        content, places = lexed.row(first), lexed.numbers(first)
        if meaning.wording is not None:
            content, places = _worded(meaning.wording, [content[begin:end] for begin, end in places])
        elif meaning.seen == 1 and _TELLING.search(content) is None:
            return
        above = [header for row, header in headers if row < first]
        header = above[-1] if above else self._header
        meaning.roles = learn(content, places, _sampled(lexed, rows), header)
        meaning.understood = True
        if not meaning.roles.values and not meaning.roles.counters:
            meaning.left_out = 0


def _headers(lexed: Lexed) -> list[tuple[int, Header]]:
    """Rows of words alone that may name the columns below them."""
    width = lexed.end - lexed.content
    plain = np.flatnonzero((lexed.count == 0) & (width > 8) & (width < _WIDEST_HEADER))
    return [(row, header) for row in plain.tolist() if (header := header_of(lexed.row(row)))]


def _worded(wording: Key, numbers: Sequence[bytes]) -> tuple[bytes, list[tuple[int, int]]]:
    """A line of these texts with numbers between them, and where the numbers stand."""
    content, places = bytearray(wording[0]), []
    for number, text in zip(numbers, wording[1:], strict=True):
        places.append((len(content), len(content) + len(number)))
        content += number + text
    return bytes(content), places


def _sampled(lexed: Lexed, rows: Rows) -> list[list[str]]:
    """The numbers of some rows."""
    if len(rows) > 2 * _SAMPLES:
        rows = np.concatenate((rows[:_SAMPLES], rows[-_SAMPLES:]))
    found = []
    for row in rows.tolist():
        text = lexed.row(row)
        found.append([text[begin:end].decode("latin-1") for begin, end in lexed.numbers(row)])
    return found


def _read_columns(lexed: Lexed, parts: Sequence[Part]) -> None:
    wanted: list[tuple[Part, int]] = []
    ends: list[Rows] = []
    for part in parts:
        for place in sorted({value.place for value in part.roles.values} | part.roles.counters.used):
            wanted.append((part, place))
            ends.append(lexed.beyond[lexed.first[part.rows] + place])
    if not ends:
        return
    read = trailing_numbers(lexed.blanked, np.concatenate(ends))
    at = 0
    for (part, place), own in zip(wanted, ends, strict=True):
        part.columns[place] = read.value[at : at + len(own)]
        part.good[place] = read.good[at : at + len(own)]
        at += len(own)
        if place == part.roles.counters.step:
            _read_ranges(lexed, part, place)
        if place in (part.roles.counters.step, part.roles.counters.of):
            _read_thousands(lexed, part, place)


def _read_ranges(lexed: Lexed, part: Part, place: int) -> None:
    """``Batch [600-620]``: the last of the batches counts."""
    for k in np.flatnonzero(~part.good[place]).tolist():
        number = int(lexed.first[part.rows[k]]) + place
        found = _RANGE.fullmatch(lexed.text[lexed.begin[number] : lexed.beyond[number]])
        if found is not None:
            part.columns[place][k], part.good[place][k] = float(found[1]), True


def _read_thousands(lexed: Lexed, part: Part, place: int) -> None:
    """``iter 10k``, ``step 1.2M``: a counter in thousands or millions."""
    text = np.frombuffer(lexed.text, np.uint8)
    behind = np.minimum(lexed.beyond[lexed.first[part.rows] + place], len(text) - 1)
    times = np.where(_IS_WORD[text[np.minimum(behind + 1, len(text) - 1)]], 1.0, _THOUSANDS[text[behind]])
    if (times > 1).any():
        part.columns[place] = np.where(times > 1, np.round(part.columns[place] * times), part.columns[place])
