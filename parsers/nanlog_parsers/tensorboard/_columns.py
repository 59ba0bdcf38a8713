"""Reads the records that hold scalars a column at a time.

A tag is written at every step, and its records differ in three places only: the time, the step and the value.  A record
of each tag is read by the grammar once; those that are alike are then found by a fingerprint of what they share, and
their times, steps and values are taken out together.  What is not exactly such a record is left to the reader of single
records, so that nothing depends on this one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._crc import LONGEST_COLUMN
from ._events import STEP_BEGINS, Event
from ._frames import FOOTER
from ._rows import Rows, rows_of
from ._tensors import Spot

__all__ = ["Codes", "Points", "ScalarColumns"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

#: So many records of one size that turn out to be no scalars are looked at in each stretch.
_TRIED = 8
#: Different ways to lay out records of one size: where their values stand.
_MOST_SHAPES = 8
#: A log with more different tags than this is no training; those beyond are read one by one.
_MOST_TAGS = 100_000

#: Odd: two contents that differ in one word never share a fingerprint.
_FACTORS = np.array([pow(0x9E3779B97F4A7C15, place, 1 << 64) for place in range(1, LONGEST_COLUMN // 8 + 3)], np.uint64)

#: The series of each value of an event and where it stands; None where one of the values is no scalar.
Codes = Callable[[Event], "list[tuple[int, Spot]] | None"]
#: Where the values of a record stand, counted from its end, and in which form.
_Spots = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Points:
    """One scalar each; ``record`` is an index into the records of the stretch."""

    record: IntArray
    code: IntArray
    step: IntArray
    value: FloatArray
    time: FloatArray

    @staticmethod
    def joined(parts: list[Points], records: int) -> Points:
        """All points in the order of the ``records`` that they were read from."""
        record = np.concatenate([np.empty(0, np.int64), *(part.record for part in parts)])
        # numpy sorts 16-bit numbers by radix, ten times as fast as wider ones
        order = np.argsort(record.astype(np.uint16) if records <= 1 << 16 else record, kind="stable")
        return Points(
            record[order],
            np.concatenate([np.empty(0, np.int64), *(part.code for part in parts)])[order],
            np.concatenate([np.empty(0, np.int64), *(part.step for part in parts)])[order],
            np.concatenate([np.empty(0), *(part.value for part in parts)])[order],
            np.concatenate([np.empty(0), *(part.time for part in parts)])[order],
        )


class ScalarColumns:
    """The layouts of one file's records; ``codes`` says which series the values of an event belong to."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes
        self._shapes: dict[int, list[_Shape]] = {}
        self._tags = 0

    def read(self, data: bytes, starts: IntArray, lengths: IntArray) -> tuple[Points, IntArray]:
        """The points of the records whose payloads are given, in their order, and the records that were not read."""
        parts = [part for rows in rows_of(data, starts, lengths) for part in self._read(rows)]
        is_read = np.zeros(len(starts), np.bool_)
        for part in parts:
            is_read[part.record] = True
        return Points.joined(parts, len(starts)), np.flatnonzero(~is_read)

    def _read(self, rows: Rows) -> Iterator[Points]:
        shapes = self._shapes.setdefault(rows.content_size, [])
        for shape in shapes:
            rows = yield from shape.read(rows)
        tried = 0
        while len(rows) and tried < _TRIED and self._tags < _MOST_TAGS:
            known = self._described(rows, 0)
            found = None if known is None else self._shape(rows.content_size, known[0])
            if known is None or found is None:
                tried += 1
                rows = rows[1:]
                continue
            self._learn(found, rows, known[1])
            rows = yield from found.read(rows)

    def _shape(self, content_size: int, spots: _Spots) -> _Shape | None:
        shapes = self._shapes[content_size]
        shape = next((shape for shape in shapes if shape.spots == spots), None)
        if shape is None and len(shapes) < _MOST_SHAPES:
            shape = _Shape(content_size, spots)
            shapes.append(shape)
        return shape

    def _learn(self, shape: _Shape, rows: Rows, codes: list[int]) -> None:
        """Enter the tag of the first row, whose codes are given, and those of all others with this shape."""
        prints = shape.fingerprints(rows)
        learned = {int(prints[0]): codes}
        marks, first = np.unique(prints, return_index=True)
        for mark, row in zip(marks.tolist(), first.tolist(), strict=True):
            known = self._described(rows, row) if row else None
            if known is not None and known[0] == shape.spots:
                learned[mark] = known[1]
        shape.learn(learned)
        self._tags += len(learned)

    def _described(self, rows: Rows, row: int) -> tuple[_Spots, list[int]] | None:
        event = rows.event(row)
        if event is None or event.step_ends != STEP_BEGINS + rows.step_size:
            return None
        found = self._codes(event)
        if not found:
            return None
        return tuple((rows.length - spot.begin, spot.form) for _, spot in found), [code for code, _ in found]


class _Shape:
    """Records whose content has one size and whose values stand at the same places; the tags are told apart."""

    def __init__(self, content_size: int, spots: _Spots) -> None:
        self.spots = spots
        shared = np.zeros(-(-(content_size + FOOTER) // 8) * 8, np.uint8)
        shared[-(content_size + FOOTER) : -FOOTER] = 0xFF
        for back, form in spots:
            begin = len(shared) - FOOTER - back
            shared[begin : begin + Spot(0, form).size] = 0
        self._mask = shared.view("<u8")
        self._known: dict[int, list[int]] = {}
        self._prints = np.empty(0, np.uint64)
        self._codes = np.empty((0, len(spots)), np.int64)

    def fingerprints(self, rows: Rows) -> NDArray[np.uint64]:
        """One number for what each row shares with others of its tag; whichever length their steps have."""
        words = rows.words[:, -len(self._mask) :]
        prints = np.zeros(len(rows), np.uint64)
        for column, mask in enumerate(self._mask):
            if mask:
                word = words[:, column] & mask
                # the upper half enters twice: by itself its highest bits would be lost in the product
                prints += (word ^ (word >> np.uint64(32))) * _FACTORS[column]
        return prints

    def learn(self, codes: dict[int, list[int]]) -> None:
        self._known |= codes
        prints = np.array(list(self._known), np.uint64)
        order = np.argsort(prints)
        self._prints = prints[order]
        self._codes = np.array(list(self._known.values()), np.int64)[order]

    def read(self, rows: Rows) -> Generator[Points, None, Rows]:
        """Yield the points of the rows that are known; returns the other rows."""
        if not len(rows):
            return rows
        prints = self.fingerprints(rows)
        at = np.minimum(np.searchsorted(self._prints, prints), len(self._prints) - 1)
        is_known = self._prints[at] == prints
        rest = rows[:0]
        if not is_known.all():
            rest, rows, at = rows[~is_known], rows[is_known], at[is_known]
        if len(rows):
            step, time = rows.steps(), rows.times()
            for place, (back, form) in enumerate(self.spots):
                yield Points(rows.records, self._codes[at, place], step, rows.numbers(back, form), time)
        return rest
