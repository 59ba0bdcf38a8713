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

from nanlog_parsers._numbers import trailing_numbers, windows

from ._glog import clock_end
from ._heads import NORMS, Head, debug_head

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

    def known(self) -> Rows:
        """Without those whose code is -1."""
        return self[np.flatnonzero(self.code >= 0)]

    def in_order(self) -> Rows:
        return self[np.argsort(self.line, kind="stable")]


class HeadTable:
    """The distinct heads of one log, at most ``most``; a code is an index into :attr:`heads`."""

    def __init__(self, most: int = MAX_HEADS) -> None:
        self.heads: list[Head] = list(NORMS)
        self._codes = {head: code for code, head in enumerate(NORMS)}
        self._most = most
        self._code_of_print: dict[int, int] = {}
        self._prints = np.empty(0, np.uint64)
        self._codes_of_prints = np.empty(0, np.int64)

    @property
    def is_full(self) -> bool:
        return max(len(self.heads), len(self._code_of_print)) >= self._most

    def code(self, head: Head) -> int | None:
        """The code of a head, which is entered if it is new; None when the table is full."""
        code = self._codes.get(head)
        if code is None and len(self.heads) < self._most:
            code = self._codes[head] = len(self.heads)
            self.heads.append(head)
        return code

    def learn(self, mark: int, head: Head) -> None:
        """Enter a head under its fingerprint."""
        code = self.code(head)
        if code is not None:
            self._code_of_print[mark] = code

    def codes(self, prints: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The codes of fingerprints; -1 for those never learned."""
        if len(self._prints) < len(self._code_of_print):
            self._sort()
        if not len(self._prints):
            return np.full(len(prints), -1)
        at = np.searchsorted(self._prints, prints)
        at[at == len(self._prints)] = 0
        return np.where(self._prints[at] == prints, self._codes_of_prints[at], -1)

    def steps_of(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """For the codes of ``[Update] ... data`` those of the ``diff`` in the same lines; -1 for -1."""
        distinct, inverse = np.unique(codes, return_inverse=True)
        steps = [
            None if code < 0 else self.code(replace(self.heads[code], quantity="diff")) for code in distinct.tolist()
        ]
        return np.array([-1 if step is None else step for step in steps], np.int64)[inverse]

    def _sort(self) -> None:
        prints = np.array(list(self._code_of_print), np.uint64)
        order = np.argsort(prints)
        self._prints = prints[order]
        self._codes_of_prints = np.array(list(self._code_of_print.values()), np.int64)[order]


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

    heads = _HeadColumn(text, skip, table)
    has_two = _is_one_of(text, head_end - 8, _AND_DIFF)
    one, two = np.flatnonzero(~has_two), np.flatnonzero(has_two)
    rows = Rows(line[one], heads.codes(head[one], head_end[one], numbers=1), value[one]).known()
    if not len(two):
        return rows
    first = trailing_numbers(text, head_end[two] - 8)
    code = heads.codes(head[two], np.where(first.good, first.start, 0), numbers=2)
    data = Rows(line[two], code, first.value)
    steps = Rows(line[two], table.steps_of(code), value[two])
    return (rows + data.known() + steps.known()).in_order()


def _is_one_of(text: bytes, starts: NDArray[np.int64], *words: bytes) -> NDArray[np.bool_]:
    """Say where one of the words, all of 4 or all of 8 bytes, stands."""
    integer = f"<u{len(words[0])}"
    found = windows(text, starts, len(words[0])).view(integer).ravel()
    return np.isin(found, np.frombuffer(b"".join(words), integer))


@dataclass(frozen=True, slots=True)
class _HeadColumn:
    """The heads of the lines of a text; the clock ends at the same column, ``skip``, in all of them."""

    text: bytes
    skip: int
    table: HeadTable

    def codes(self, start: NDArray[np.int64], end: NDArray[np.int64], numbers: int) -> NDArray[np.int64]:
        """The codes of the heads from ``start`` to ``end``, -1 for what is no head; new ones are read and entered.

        ``numbers`` is how many values stand behind the head: ``[Update]`` has two, but for shared parameters.
        """
        if not len(start):
            return np.empty(0, np.int64)
        length = end - start
        fits = (length > 0) & (length <= _LONGEST_HEAD)
        prints = self._prints(start, np.where(fits, length, 0)) + np.uint64(numbers)
        code = self.table.codes(prints)
        unknown = np.flatnonzero((code < 0) & fits)
        if len(unknown) and not self.table.is_full:
            new, at = np.unique(prints[unknown], return_index=True)
            for mark, row in zip(new.tolist(), unknown[at].tolist(), strict=True):
                self._learn(mark, self.text[start[row] : end[row]], numbers)
            code = self.table.codes(prints)
        return np.where(fits, code, -1)

    def _learn(self, mark: int, content: bytes, numbers: int) -> None:
        text = content.decode("utf-8", "replace")
        prefix = _REST_OF_PREFIX.match(text) if self.skip else None
        if self.skip and prefix is None:
            return
        head = debug_head(text if prefix is None else text[prefix.end() :])
        if head is not None and head.is_first_of_two == (numbers == 2):
            self.table.learn(mark, head)

    def _prints(self, start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.uint64]:
        """One number for each stretch of text; equal stretches have equal ones, wherever they stand."""
        words = -(-int(length.max()) // 8) or 1
        content = windows(self.text + bytes(_LONGEST_HEAD), start, 8 * words).view("<u8")
        content &= _MASKS[:, :words][length]
        prints: NDArray[np.uint64] = content @ _FACTORS[:words] + length.astype(np.uint64) * _FACTORS[-1]
        return prints
