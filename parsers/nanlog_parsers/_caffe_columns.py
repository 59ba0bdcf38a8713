"""Reads the debug lines of a stretch of log a column at a time.

A line of debug_info is a clock, a head that recurs in every iteration, and a number.  The heads of all lines are turned
into fingerprints at once, each distinct head is read by the grammar once, and the numbers are converted together.  What
is not exactly such a line is left to the reader of single lines, so that nothing depends on this one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._caffe_heads import NORMS, Head, debug_head
from ._glog import clock_end
from ._numbers import trailing_numbers, windows

__all__ = ["HeadTable", "Rows", "debug_columns", "line_ends"]

#: A log with more different heads than this is no training; those beyond are not read.
MAX_HEADS = 100_000

_LONGEST_HEAD = 512
#: No debug line is shorter, and everything that is looked at lies within the line.
_SHORTEST_LINE = 48

_REST_OF_PREFIX = re.compile(r" +[0-9]+ [\w.+/\\-]+:[0-9]+\] ", re.ASCII)
_WORDS = _LONGEST_HEAD // 8
#: Odd factors: two heads that differ in one word never share a fingerprint.
_FACTORS = np.random.default_rng(20140725).integers(0, 2**64, _WORDS + 1, dtype=np.uint64) | np.uint64(1)
#: Row n keeps the first n of 512 bytes, as little-endian words.
_MASKS = (np.tri(_LONGEST_HEAD + 1, _LONGEST_HEAD, -1, np.uint8) * np.uint8(0xFF)).view("<u8")


_DATA, _DIFF, _AND_DIFF = b"data", b"diff", b"; diff: "


@dataclass(frozen=True, slots=True)
class Rows:
    """One value of debug_info each: its line (counted as the caller does), the code of its head, the value."""

    line: NDArray[np.int64]
    code: NDArray[np.int64]
    value: NDArray[np.float64]

    @staticmethod
    def none() -> Rows:
        return Rows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))

    def __len__(self) -> int:
        return len(self.line)

    def __getitem__(self, part: slice | NDArray[np.int64]) -> Rows:
        return Rows(self.line[part], self.code[part], self.value[part])

    def __add__(self, other: Rows) -> Rows:
        return Rows(
            np.concatenate((self.line, other.line)),
            np.concatenate((self.code, other.code)),
            np.concatenate((self.value, other.value)),
        )

    def in_order(self) -> Rows:
        return self[np.argsort(self.line, kind="stable")]


class HeadTable:
    """The distinct heads of one log; a code is an index into :attr:`heads`."""

    def __init__(self) -> None:
        self.heads: list[Head] = list(NORMS)
        self._codes = {head: code for code, head in enumerate(NORMS)}
        self._prints = np.empty(0, np.uint64)
        self._codes_of_prints = np.empty(0, np.int64)

    def code(self, head: Head) -> int | None:
        """The code of a head, which is entered if it is new; None when the table is full."""
        code = self._codes.get(head)
        if code is None and len(self.heads) < MAX_HEADS:
            code = self._codes[head] = len(self.heads)
            self.heads.append(head)
        return code

    def codes(self, prints: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The codes of fingerprints; -1 for those never learned."""
        if not len(self._prints):
            return np.full(len(prints), -1)
        at = np.searchsorted(self._prints, prints)
        at[at == len(self._prints)] = 0
        return np.where(self._prints[at] == prints, self._codes_of_prints[at], -1)

    def learn(self, prints: list[int], codes: list[int]) -> None:
        merged = np.concatenate((self._prints, np.array(prints, np.uint64)))
        order = np.argsort(merged)
        self._prints = merged[order]
        self._codes_of_prints = np.concatenate((self._codes_of_prints, np.array(codes, np.int64)))[order]

    def steps_of(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """For the codes of ``[Update] ... data`` those of the same lines' ``diff``."""
        distinct, inverse = np.unique(codes, return_inverse=True)
        steps = [self.code(replace(self.heads[code], quantity="diff")) for code in distinct.tolist()]
        return np.array([-1 if step is None else step for step in steps], np.int64)[inverse]

    @property
    def is_full(self) -> bool:
        return len(self.heads) >= MAX_HEADS or len(self._prints) >= MAX_HEADS


def line_ends(text: bytes) -> NDArray[np.int64]:
    """Where the line feeds are."""
    return np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))


def debug_columns(text: bytes, feeds: NDArray[np.int64], table: HeadTable) -> Rows:
    """Read the debug lines of ``text``; ``line`` is an index into ``feeds``, the ends of its lines.

    Only lines whose clock ends where that of the first line with a clock does are read.
    """
    skip = clock_end(text)
    starts = np.concatenate((np.zeros(1, np.int64), feeds[:-1] + 1))
    line = np.flatnonzero(feeds - starts >= skip + _SHORTEST_LINE)
    if not len(line):
        return Rows.none()
    head = starts[line] + skip
    ends = feeds[line]
    ends = ends - (np.frombuffer(text, np.uint8)[ends - 1] == ord("\r"))
    last = trailing_numbers(text, ends)
    kept = np.flatnonzero(last.good & _is_one_of(text, last.start - 6, _DATA, _DIFF))
    line, head, head_end, value = line[kept], head[kept], last.start[kept], last.value[kept]

    two_numbers = _is_one_of(text, head_end - 8, _AND_DIFF)
    if not two_numbers.any():
        code = _codes(text, head, head_end, skip, table)
        return Rows(line, code, value)[np.flatnonzero(code >= 0)]
    one, two = np.flatnonzero(~two_numbers), np.flatnonzero(two_numbers)
    code = _codes(text, head[one], head_end[one], skip, table)
    rows = Rows(line[one], code, value[one])[np.flatnonzero(code >= 0)]
    return (rows + _updates(text, Rows(line[two], head[two], value[two]), head_end[two], skip, table)).in_order()


def _updates(text: bytes, diffs: Rows, head_end: NDArray[np.int64], skip: int, table: HeadTable) -> Rows:
    """Read ``[Update] Layer conv1, param 0 data: 0.27; diff: 0.0003``, two values a line.

    ``diffs`` holds the second ones, and where the heads start in place of their codes.
    """
    first = trailing_numbers(text, head_end - 8)
    code = _codes(text, diffs.code, first.start, skip, table)
    kept = np.flatnonzero(first.good & (code >= 0))
    data = Rows(diffs.line[kept], code[kept], first.value[kept])
    steps = Rows(data.line, table.steps_of(data.code), diffs.value[kept])
    return (data + steps).in_order()


def _is_one_of(text: bytes, starts: NDArray[np.int64], *words: bytes) -> NDArray[np.bool_]:
    """Say where one of the words, all of 4 or all of 8 bytes, stands."""
    integer = f"<u{len(words[0])}"
    found = windows(text, starts, len(words[0])).view(integer).ravel()
    return np.isin(found, np.frombuffer(b"".join(words), integer))


def _codes(
    text: bytes, start: NDArray[np.int64], end: NDArray[np.int64], skip: int, table: HeadTable
) -> NDArray[np.int64]:
    """The codes of the heads from ``start`` to ``end`` (-1 for what is no head); new ones are read and entered."""
    length = end - start
    fits = (length > 0) & (length <= _LONGEST_HEAD)
    prints = _fingerprints(text, start, np.where(fits, length, 0))
    code = table.codes(prints)
    unknown = np.flatnonzero((code < 0) & fits)
    if len(unknown) and not table.is_full:
        new, at = np.unique(prints[unknown], return_index=True)
        learned = [_code(text[start[row] : end[row]], skip, table) for row in unknown[at].tolist()]
        table.learn(
            [p for p, c in zip(new.tolist(), learned, strict=True) if c is not None],
            [c for c in learned if c is not None],
        )
        code = table.codes(prints)
    code[~fits] = -1
    return code


def _code(head: bytes, skip: int, table: HeadTable) -> int | None:
    text = head.decode("utf-8", "replace")
    if skip:
        found = _REST_OF_PREFIX.match(text)
        if found is None:
            return None
        text = text[found.end() :]
    read = debug_head(text)
    return None if read is None else table.code(read)


def _fingerprints(text: bytes, start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One number for each stretch of text; equal stretches have equal ones, wherever they stand."""
    if not len(start):
        return np.empty(0, np.uint64)
    words = -(-int(length.max()) // 8) or 1
    content = windows(text + bytes(_LONGEST_HEAD), start, 8 * words).view("<u8")
    content &= _MASKS[:, :words][length]
    prints: NDArray[np.uint64] = content @ _FACTORS[:words] + length.astype(np.uint64) * _FACTORS[-1]
    return prints
