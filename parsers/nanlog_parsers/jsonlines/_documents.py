"""JSON documents: an array of objects that goes over many lines, or an object that holds lists of values.

Read token by token, so that every value keeps its line and a document that was cut gives what it has.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from nanlog.model import Piece
from nanlog_parsers._tables import Column, Rows, cell, counter_of, counters_of, is_telling

__all__ = ["Lists", "rows_of_document"]

_TOKEN = re.compile(
    rb'"(?P<string>(?:[^"\\\n]|\\.)*+)"(?P<colon>\s*+:)?+|(?P<mark>[{}\[\]])|(?P<bare>[-+\w.]++)|(?P<end>\n)',
    re.ASCII | re.DOTALL,
)
_ESCAPED = re.compile(r'\\(["\\/])')
#: So many objects are given on together.
_BLOCK = 5000
_MOST_LISTS, _MOST_KEYS = 10_000, 100_000
_DEEPEST = 200
#: The name of the step where it is the place in a list.
_INDEX = "step"


@dataclass(slots=True)
class _Values:
    """The values of a list, NaN and absent where they are null, and the lines they stand in."""

    value: array[float] = field(default_factory=lambda: array("d"))
    line: array[int] = field(default_factory=lambda: array("q"))
    absent: list[int] = field(default_factory=list)

    def add(self, value: float | None, line: int) -> None:
        if value is None:
            self.absent.append(len(self.value))
        self.value.append(float("nan") if value is None else value)
        self.line.append(line)

    def column(self) -> Column:
        present = np.ones(len(self.value), np.bool_)
        present[self.absent] = False
        row = np.flatnonzero(present)
        return Column(row, np.array(self.value)[row])


Lists = dict[str, _Values]  #: by dotted name


@dataclass(slots=True)
class _Level:
    """An object or array that is open; ``record`` is the object in an array that it is or belongs to."""

    is_array: bool
    path: str
    record: dict[str, tuple[float | None, int]] | None = None
    is_record: bool = False


class _Walk:
    """Walks through the tokens of one document."""

    def __init__(self) -> None:
        self.records: list[dict[str, tuple[float | None, int]]] = []
        self.lists: Lists = {}
        self._levels: list[_Level] = []
        self._key: str | None = None

    def take(self, data: bytes, line: int) -> None:
        """Go through whole lines, of which the first has the number ``line``."""
        for token in _TOKEN.finditer(data):
            kind = token.lastgroup
            if kind == "end":
                line += 1
            elif kind == "colon":
                self._key = _ESCAPED.sub(r"\1", token["string"].decode("utf-8", "replace"))
                line += token["colon"].count(b"\n")
            elif kind == "mark":
                self._turn(token["mark"])
            else:
                self._scalar((token["bare"] or token["string"] or b"").decode("utf-8", "replace"), line)
                self._key = None

    def _turn(self, mark: bytes) -> None:
        if mark in b"}]":
            if self._levels and (level := self._levels.pop()).is_record and level.record:
                self.records.append(level.record)
        elif len(self._levels) < _DEEPEST:
            self._levels.append(self._opened(is_array=mark == b"["))
        self._key = None

    def _opened(self, *, is_array: bool) -> _Level:
        above = self._levels[-1] if self._levels else _Level(False, "")
        path = above.path if self._key is None else f"{above.path}.{self._key}".lstrip(".")
        if above.record is not None:
            return _Level(is_array, path, None if is_array else above.record)
        if above.is_array and not is_array:
            return _Level(False, "", {}, is_record=True)
        return _Level(is_array, path)

    def _scalar(self, text: str, line: int) -> None:
        if not self._levels:
            return
        level = self._levels[-1]
        try:
            value = cell(text)
        except ValueError:
            return
        if level.record is not None and self._key is not None and len(level.record) < _MOST_KEYS:
            level.record[f"{level.path}.{self._key}".lstrip(".")] = value, line
        elif level.is_array and level.path and (level.path in self.lists or len(self.lists) < _MOST_LISTS):
            self.lists.setdefault(level.path, _Values()).add(value, line)


def rows_of_document(pieces: Iterable[Piece]) -> Iterator[list[Rows]]:
    """The objects of all arrays, then the lists of values."""
    walk = _Walk()
    for piece in pieces:
        walk.take(piece.data, piece.first_line)
        if len(walk.records) >= _BLOCK:
            yield list(_rows_of_records(walk.records))
            walk.records.clear()
    yield list(_rows_of_records(walk.records))
    yield list(_rows_of_lists(walk.lists))


def _rows_of_records(records: Iterable[dict[str, tuple[float | None, int]]]) -> Iterator[Rows]:
    """Rows for each kind of object; for each key of its own where an object goes over several lines."""
    kinds: dict[tuple[str, ...], list[dict[str, tuple[float | None, int]]]] = {}
    for each in records:
        kinds.setdefault(tuple(each), []).append(each)
    for names, alike in kinds.items():
        columns = {name: _column([each[name][0] for each in alike]) for name in names}
        columns = {name: column for name, column in columns.items() if len(column)}
        lines = {name: np.array([each[name][1] for each in alike], np.int64) for name in names}
        if all(np.array_equal(lines[names[0]], other) for other in lines.values()):
            yield Rows(lines[names[0]], names, columns)
            continue
        counters = counters_of(names)
        for name in names:
            if name not in counters:
                own = (name, *counters)
                yield Rows(lines[name], own, {each: columns[each] for each in own if each in columns})


def _rows_of_lists(lists: Lists) -> Iterator[Rows]:
    """Rows for each list, counted by a list beside it that is as long and says so, else from 0."""
    alike: dict[tuple[str, int], list[str]] = {}
    for path, values in lists.items():
        alike.setdefault((path.rpartition(".")[0], len(values.value)), []).append(path)
    for (_, size), paths in alike.items():
        if not is_telling(paths):
            continue
        counter = counter_of(paths)
        counts = Column(slice(None), np.arange(size, dtype=float)) if counter is None else lists[counter].column()
        step = counter or _INDEX
        for path in paths:
            if path != counter:
                line = np.array(lists[path].line, np.int64)
                yield Rows(line, (path, step), {path: lists[path].column(), step: counts})


def _column(cells: list[float | None]) -> Column:
    present = [row for row, value in enumerate(cells) if value is not None]
    return Column(np.array(present, np.int64), np.array([value for value in cells if value is not None], np.float64))
