"""Reads objects that stand in a line each: those of frequent shapes together, the rest one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nanlog.model import Fact, Mark, Piece, Unread
from nanlog_parsers._names import words as words_of
from nanlog_parsers._tables import MEASURED_ON, NAMED_BY, Column, Rows

from ._columns import Lines, matched
from ._events import event_of
from ._records import Record, record
from ._setup import facts_of, is_setup
from ._shapes import Shape, shape_of

__all__ = ["LineReader", "Read", "object_in"]

#: Below so many lines one at a time is as fast.
_FEW = 60
#: A piece is searched for other shapes until so many of them did not pay.
_MOST_FAILURES = 3
_PAYS = 0.05
_MOST_SHAPES = 32
_KEPT_TEXT = 300
_DATA = {"train", "training", "val", "valid", "validation", "eval", "evaluation", "test", "testing", "dev"}


@dataclass(slots=True)
class Read:
    """What a stretch of lines held."""

    rows: list[Rows] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)


class LineReader:
    """Reads the lines of one file, piece by piece; remembers the shapes it met."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._shapes: dict[Shape, int] = {}  #: with how many lines of the last piece had the shape

    def read(self, piece: Piece) -> Read:
        """Read a piece; its last line may be cut."""
        result = Read()
        end = piece.data.rfind(b"\n") + 1
        whole = piece.data[:end]
        lines = Lines(whole, piece.first_line)
        count = len(lines)
        if len(lines) >= _FEW:
            lines = self._by_shape(lines, result)
        one_by_one = _OneByOne(self._file, result)
        for number, line in zip(lines.number.tolist(), lines.data.split(b"\n"), strict=False):
            one_by_one.take(line, number)
        if end < len(piece.data):
            one_by_one.take(piece.data[end:], piece.first_line + count, is_cut=True)
        one_by_one.finish()
        result.rows.sort(key=lambda rows: int(rows.line[0]))
        return result

    def _by_shape(self, lines: Lines, result: Read) -> Lines:
        """Read the lines of frequent shapes; return the others."""
        often = self._shapes.copy()  # other pieces are read at the same time
        known = sorted(often, key=lambda shape: -often[shape])
        failures = probe = 0
        while len(lines) >= _FEW and failures < _MOST_FAILURES and probe < len(lines):
            is_new = not known
            shape = shape_of(lines.line(probe)) if is_new else known.pop(0)
            found = None if shape is None else matched(lines, shape)
            if shape is None or found is None or len(found.number) < 2:  # one may be the settings
                failures += is_new
                probe += is_new
                continue
            names = tuple(shape.numbers)
            result.rows.append(named_rows(found.number, found.columns, names, shape.words, shape.before))
            if is_new and len(found.number) < _PAYS * len(lines):
                failures += 1
            elif len(self._shapes) < _MOST_SHAPES or not is_new:
                self._shapes[shape] = len(found.number)
            lines = lines.where(~found.fits)
            probe = 0
        return lines


class _OneByOne:
    """Groups the records of single lines by their keys."""

    def __init__(self, file: str, result: Read) -> None:
        self._file = file
        self._result = result
        self._groups: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...], str], list[tuple[int, Record]]] = {}

    def take(self, line: bytes, number: int, *, is_cut: bool = False) -> None:
        found = object_in(line)
        if found is None:
            return
        before, text = found
        try:
            read = record(text)
        except ValueError as error:
            if not is_cut and not before:
                self._result.unread.append(Unread(self._file, number, text[:_KEPT_TEXT], f"no JSON object: {error}"))
            return
        if (mark := event_of(read, self._file, number)) is not None:
            self._result.marks.append(mark)
        if not read.values:
            return
        told = tuple((name, text) for name, text in read.words.items() if _tells(name))
        self._groups.setdefault((tuple(read.values), told, _data_of(before)), []).append((number, read))

    def finish(self) -> None:
        alike = {rows.names for rows in self._result.rows}
        has_others = bool(alike) or len(self._groups) > 1
        for (names, told, before), records in self._groups.items():
            if has_others and names not in alike and len(records) == 1 and is_setup(*records[0]):
                self._result.facts += facts_of(records[0][1], self._file, records[0][0])
                continue
            number = np.array([line for line, _ in records], np.int64)
            columns = {}
            for name in names:
                cells = [read.values[name] for _, read in records]
                present = [row for row, value in enumerate(cells) if value is not None]
                if present:
                    values = np.array([value for value in cells if value is not None], np.float64)
                    columns[name] = Column(np.array(present, np.int64), values)
            self._result.rows.append(named_rows(number, columns, names, dict(told), before))


def object_in(line: bytes) -> tuple[str, str] | None:
    """What stands before the object in a line, and the text of the object; None where there is none."""
    start = line.find(b"{")
    if start < 0 or line[start + 1 : start + 2] == b"'":
        return None
    text = line[start:].strip(b" \t\r,")
    if start and not text.endswith((b"}", b"}]")):
        return None
    before = line[:start].decode("utf-8", "replace").strip(" \t\r,[")
    if before and b'":' not in text and b'" :' not in text:
        return None
    if text.endswith(b"}]"):
        text = text[:-1]
    return before, text.decode("utf-8", "replace")


def named_rows(
    line: NDArray[np.int64],
    columns: Mapping[str, Column],
    names: tuple[str, ...],
    words: Mapping[str, str],
    before: str,
) -> Rows:
    """Rows whose words say what the numbers were measured on, or what ``value`` is the value of."""
    split = next((t for n, t in words.items() if _last(n) in MEASURED_ON and _DATA & set(words_of(t))), "")
    called = next((words[name] for key in NAMED_BY for name in words if _last(name) == key), None)
    value = next((name for name in names if _last(name) == "value"), None)
    if called is not None and value is not None:
        columns = {called if name == value else name: column for name, column in columns.items()}
        names = tuple(called if name == value else name for name in names)
    return Rows(line, names, columns, split or _data_of(before))


def _tells(name: str) -> bool:
    return _last(name) in MEASURED_ON or _last(name) in NAMED_BY


def _last(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _data_of(text: str) -> str:
    """The data that the text before an object names, as in ``2024-01-01 | INFO | valid | {...}``."""
    found = [word for word in words_of(text) if word in _DATA] if text else []
    return found[-1] if found else ""
