"""Records of one length side by side, so that each of their fields is a column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog_parsers._numbers import windows

from ._crc import LONGEST_COLUMN, column_checksums
from ._events import STEP_BEGINS, Event, read_event
from ._frames import FOOTER, TIME_KEY
from ._tensors import Spot, numbers_in
from ._wire import MalformedError

__all__ = ["Rows", "rows_of"]

IntArray = NDArray[np.int64]

_STEP_KEY = 0x10
_LONGEST_STEP = 8  #: bytes, with its key
_SHORTEST = STEP_BEGINS + _LONGEST_STEP + 1


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Records whose payloads have one length and whose step field takes ``step_size`` bytes, none where it is 0.

    Each row of ``frames`` ends with a payload and its CRC; the bytes before are zeros.
    """

    records: IntArray
    frames: NDArray[np.uint8]
    length: int
    step_size: int

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, part: slice | NDArray[np.bool_]) -> Rows:
        return Rows(self.records[part], self.frames[part], self.length, self.step_size)

    @property
    def content_size(self) -> int:
        """Bytes of a payload behind time and step."""
        return self.length - STEP_BEGINS - self.step_size

    @property
    def words(self) -> NDArray[np.uint64]:
        return self.frames.view("<u8")

    @property
    def _begin(self) -> int:
        return int(self.frames.shape[1]) - FOOTER - self.length

    def times(self) -> NDArray[np.float64]:
        return self._column(self._begin + 1, 8).view("<f8").ravel()

    def steps(self) -> IntArray:
        step = np.zeros(len(self), np.int64)
        for place in range(self.step_size - 1):
            byte = self.frames[:, self._begin + STEP_BEGINS + 1 + place].astype(np.int64)
            step |= (byte & 0x7F) << (7 * place)
        return step

    def numbers(self, back: int, form: str) -> NDArray[np.float64]:
        """The numbers that begin so many bytes before the ends of the payloads."""
        begin = self.frames.shape[1] - FOOTER - back
        return numbers_in(self._column(begin, Spot(0, form).size), form)

    def event(self, row: int) -> Event | None:
        """What the record of a row says; None where it says nothing that can be read."""
        try:
            return read_event(self.frames[row, self._begin : -FOOTER].tobytes())
        except MalformedError:
            return None

    def _column(self, begin: int, size: int) -> NDArray[np.uint8]:
        return np.ascontiguousarray(self.frames[:, begin : begin + size])


def rows_of(data: bytes, starts: IntArray, lengths: IntArray) -> Iterator[Rows]:
    """Sort records by how they are laid out; those that are too long, and those with a wrong CRC, are left out."""
    fit = np.flatnonzero((lengths >= _SHORTEST) & (lengths <= LONGEST_COLUMN))
    if not len(fit):
        return
    fit = fit[np.frombuffer(data, np.uint8)[starts[fit]] == TIME_KEY]
    kind = (lengths[fit] << 4 | _step_sizes(data, starts[fit] + STEP_BEGINS)).astype(np.uint16)
    order = np.argsort(kind, kind="stable")
    kind = kind[order]
    borders = np.flatnonzero(kind[1:] != kind[:-1]) + 1
    for part, first in zip(np.split(fit[order], borders), [0, *borders.tolist()], strict=True):
        if len(part):
            rows = _rows(data, starts, part, int(kind[first]) >> 4, int(kind[first]) & 15)
            yield rows


def _step_sizes(data: bytes, places: IntArray) -> IntArray:
    """How many bytes the field of the step takes that begins at each place; 0 where there is none."""
    if not len(places):
        return places
    found = windows(data, places, _LONGEST_STEP).view("<u8").ravel()
    # the lowest clear top bit of the bytes behind the key is in the last byte of the number
    last = ~(found >> np.uint64(8)) & np.uint64(0x0080808080808080)
    last &= ~last + np.uint64(1)
    # one bit for each byte up to that one; the product adds them up
    bits = (last - np.uint64(1)) & np.uint64(0x0001010101010101)
    size = (bits * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return np.where(found & np.uint64(0xFF) == _STEP_KEY, size.astype(np.int64) + 1, 0)


def _rows(data: bytes, starts: IntArray, records: IntArray, length: int, step_size: int) -> Rows:
    width = -(-(length + FOOTER) // 8) * 8
    frames = windows(data, starts[records] + (length + FOOTER - width), width)
    frames[:, : width - FOOTER - length] = 0
    stored = np.ascontiguousarray(frames[:, -FOOTER:]).view("<u4").ravel()
    sound = column_checksums(frames.view("<u2")[:, : -FOOTER // 2], length) == stored
    rows = Rows(records, frames, length, step_size)
    return rows if sound.all() else rows[sound]
