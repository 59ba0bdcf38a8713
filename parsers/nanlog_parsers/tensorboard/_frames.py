"""Records of a TFRecord file: where they lie in a stretch of bytes, and where reading goes on behind damage.

A record is framed as ``u64 length, u32 masked CRC of the length, payload, u32 masked CRC of the payload``, all
little-endian.  Every Event begins with its time, so its payload begins with the byte 9.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog_parsers._numbers import windows

from ._crc import checksum, length_checksums

__all__ = ["FOOTER", "HEADER", "TIME_KEY", "Damage", "Stretch", "length_at", "payload", "stretches"]

HEADER, FOOTER = 12, 4
_FRAME = HEADER + FOOTER
TIME_KEY = 9

#: Records from this length on are found one by one.
_LONG = 1 << 16
#: A record longer than this is not held in memory: no scalar and no histogram is.
LONGEST = 64 << 20
#: So many records with a good header and a bad payload are tried in one stretch before it is given up.
_TRIED = 64

IntArray = NDArray[np.int64]
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Damage:
    """Something at byte ``begin`` of the file that takes the place of a record and could not be read."""

    begin: int
    why: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole records that follow one another in ``data``; ``starts`` and ``lengths`` are those of their payloads.

    ``offset`` is where ``data`` begins in the file.  ``damage`` lies behind the records.  ``cut`` is the byte of the
    file at which a record begins that it does not hold to the end: it was being written.
    """

    data: bytes
    offset: int
    starts: IntArray
    lengths: IntArray
    damage: Damage | None = None
    cut: int | None = None


def payload(data: bytes, start: int, length: int) -> bytes | None:
    """The payload at ``start``; None where its CRC is wrong."""
    content = data[start : start + length]
    return content if checksum(content) == _u32(data, start + length) else None


def length_at(data: bytes, at: int) -> int | None:
    """The length in the header at a place; None where there is no whole header, or a damaged one."""
    if at + HEADER > len(data) or checksum(data[at : at + 8]) != _u32(data, at + 8):
        return None
    return int.from_bytes(data[at : at + 8], "little")


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def stretches(chunks: Iterable[bytes]) -> Iterator[Stretch]:
    """Find the records of a file that comes in chunks cut anywhere; the last record may be incomplete."""
    frames = _Frames()
    for chunk in chunks:
        yield from frames.read(chunk)
    yield from frames.read(b"", final=True)


class _Frames:
    """Keeps what the last chunk left over: part of a record, or the search for one behind damage."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._offset = 0  #: of the rest, in the file
        self._missing = 1  #: bytes that must come before it is worth looking again
        self._skipped = 0  #: bytes of a record too long to hold that are still to come
        self._lost_at: int | None = None  #: where the header was damaged behind which no record was found yet

    def read(self, chunk: bytes, final: bool = False) -> Iterator[Stretch]:
        if self._skipped:
            passed = min(self._skipped, len(chunk))
            chunk = chunk[passed:]
            self._skipped -= passed
            self._offset += passed
        self._rest.append(chunk)
        self._missing -= len(chunk)
        if self._missing <= 0 or final:
            data = b"".join(self._rest)
            at, missing = yield from self._read(data, final)
            self._rest = [data[at:]]
            self._offset += at
            self._missing = missing

    def _read(self, data: bytes, final: bool) -> Generator[Stretch, None, tuple[int, int]]:
        """Yield what is whole in ``data``; returns where the rest begins and how many bytes it lacks."""
        found = _Candidates(data)
        at = 0
        while True:
            if self._lost_at is not None:
                at, is_sound = found.resumed(data, at)
                if not is_sound and not final:
                    return at, 1
                where = f"reading goes on at byte {self._offset + at}" if is_sound else "nothing behind it can be read"
                yield self._damaged(data, self._lost_at, f"the length of the record is damaged; {where}")
                self._lost_at = None
                if not is_sound:
                    return len(data), 1
            starts, lengths, at = found.chain(data, at)
            length = length_at(data, at)
            is_damaged = length is None and len(data) - at >= HEADER
            cut = self._offset + at if final and at < len(data) and not is_damaged else None
            yield Stretch(data, self._offset, starts, lengths, cut=cut)
            if is_damaged:
                self._lost_at = self._offset + at
                at = _suspect(data, starts, lengths, at)
                continue
            if length is None:
                return at, HEADER - (len(data) - at)
            beyond = at + _FRAME + length
            if length <= LONGEST or final:
                return at, beyond - len(data)
            yield self._damaged(data, self._offset + at, f"a record of {length} bytes is not looked into")
            self._skipped = beyond - len(data)
            return len(data), 1

    def _damaged(self, data: bytes, begin: int, why: str) -> Stretch:
        return Stretch(data, self._offset, _NONE, _NONE, Damage(begin, why))


def _suspect(data: bytes, starts: IntArray, lengths: IntArray, at: int) -> int:
    """Where to look for the next record behind a damaged header at ``at``.

    If the payload before it is damaged too, that record was cut short, and others may begin inside of it.
    """
    if not len(starts):
        return at + 1
    start, length = int(starts[-1]), int(lengths[-1])
    return start if payload(data, start, length) is None else at + 1


class _Candidates:
    """Where records of usual length seem to begin: a header with the right CRC, and a time behind it."""

    def __init__(self, data: bytes) -> None:
        begin = np.flatnonzero(np.frombuffer(data, np.uint8)[HEADER:] == TIME_KEY)
        header = windows(data, begin, HEADER).view("<u4") if len(begin) else np.empty((0, 3), np.uint32)
        fits = np.flatnonzero((header[:, 0] < _LONG) & (header[:, 1] == 0))
        sound = fits[length_checksums()[header[fits, 0]] == header[fits, 2]]
        begin = begin[sound]
        end = begin + header[sound, 0].astype(np.int64) + _FRAME
        whole = end <= len(data)
        self._partial = begin[~whole]
        self._begin, self._end = (begin, end) if whole.all() else (begin[whole], end[whole])
        #: indices of those whose end is not where the next one begins
        self._breaks = np.flatnonzero(self._end[:-1] != self._begin[1:])

    def chain(self, data: bytes, at: int) -> tuple[IntArray, IntArray, int]:
        """The payloads of the whole records that follow one another from ``at`` on, and where the last one ends."""
        starts, lengths = [_NONE], [_NONE]
        while True:
            first = int(np.searchsorted(self._begin, at))
            if first < len(self._begin) and self._begin[first] == at:
                place = int(np.searchsorted(self._breaks, first))
                last = int(self._breaks[place]) if place < len(self._breaks) else len(self._begin) - 1
                begin, end = self._begin[first : last + 1], self._end[first : last + 1]
                starts.append(begin + HEADER)
                lengths.append(end - begin - _FRAME)
                at = int(end[-1])
                continue
            length = length_at(data, at)
            if length is None or at + _FRAME + length > len(data):
                return np.concatenate(starts), np.concatenate(lengths), at
            starts.append(np.array([at + HEADER], np.int64))
            lengths.append(np.array([length], np.int64))
            at += _FRAME + length

    def resumed(self, data: bytes, at: int) -> tuple[int, bool]:
        """The first place from ``at`` on where a whole sound record begins, and True.

        Where there is none: the place from which to look again when there are more bytes, and False.
        """
        first = int(np.searchsorted(self._begin, at))
        for begin, end in zip(
            self._begin[first : first + _TRIED].tolist(), self._end[first : first + _TRIED].tolist(), strict=True
        ):
            if payload(data, begin + HEADER, end - begin - _FRAME) is not None:
                return begin, True
        cut = self._partial[np.searchsorted(self._partial, at) :][:1].tolist()
        return max(at, min([len(data) - HEADER, *cut])), False
