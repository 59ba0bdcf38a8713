"""Texts that recur: each distinct one is looked at once.  Names have codes; what stands around them is judged."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nanlog_parsers._numbers import windows

from ._rows import IntArray
from ._single import LEADS, NAME, TRAIL

__all__ = ["NameTable", "Verdicts"]

#: A log with more names than this prints no metrics; those beyond are not read.
MOST_NAMES = 10_000

_LONGEST = 64
#: Odd factors: two names that differ in one word never share a fingerprint.
_FACTORS = np.random.default_rng(20150328).integers(0, 2**64, _LONGEST // 8 + 1, dtype=np.uint64) | np.uint64(1)
#: Row n keeps the last n of 64 bytes, as little-endian words.
_MASKS = (np.tri(_LONGEST + 1, _LONGEST, -1, np.uint8)[:, ::-1].copy() * np.uint8(0xFF)).view("<u8")


_DIGITS = bytes.maketrans(b"123456789", b"000000000")


class _Seen:
    """Looks at each distinct stretch of text once; what ``look`` made of it (a number) is remembered."""

    def __init__(self, look: Callable[[str], int], table: bytes = b"") -> None:
        self._look = look
        self._table = table
        self._prints = np.empty(0, np.uint64)
        self._found = np.empty(0, np.int64)

    def of(self, text: bytes, start: IntArray, end: IntArray) -> IntArray:
        """What each stretch was found to be; -1 for those longer than 64 bytes, which must lie inside ``text``."""
        length = end - start
        fits = (length >= 0) & (length <= _LONGEST)
        if not fits.all():
            found = np.full(len(start), -1)
            found[fits] = self.of(text, start[fits], end[fits])
            return found
        if not len(start):
            return np.empty(0, np.int64)
        prints = _prints(text, start, end, self._table)
        at, known = self._places(prints)
        if not known.all():
            self._learn(text, start[~known], end[~known], prints[~known])
            at, known = self._places(prints)
        return np.where(known, self._found[at], -1)

    def _places(self, prints: NDArray[np.uint64]) -> tuple[IntArray, NDArray[np.bool_]]:
        if not len(self._prints):
            return np.zeros(len(prints), np.int64), np.zeros(len(prints), np.bool_)
        at = np.minimum(np.searchsorted(self._prints, prints), len(self._prints) - 1)
        return at, self._prints[at] == prints

    def _learn(self, text: bytes, start: IntArray, end: IntArray, prints: NDArray[np.uint64]) -> None:
        new, first = np.unique(prints, return_index=True)
        new, first = new[: MOST_NAMES - len(self._prints)], first[: MOST_NAMES - len(self._prints)]
        stretches = (text[start[row] : end[row]].decode("utf-8", "replace") for row in first.tolist())
        found = np.array([self._look(stretch) for stretch in stretches], np.int64)
        prints = np.concatenate((self._prints, new))
        order = np.argsort(prints)
        self._prints, self._found = prints[order], np.concatenate((self._found, found))[order]


class Verdicts:
    """Which texts a pattern matches as a whole, any digit counting as 0."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._seen = _Seen(lambda text: int(pattern.fullmatch(text) is not None), _DIGITS)

    def of(self, text: bytes, start: IntArray, end: IntArray) -> NDArray[np.bool_]:
        """The verdicts on stretches of ``text``; those longer than 64 bytes are not matched."""
        return np.asarray(self._seen.of(text, start, end) == 1, np.bool_)


class NameTable:
    """The names of one log; a code is an index into :attr:`names`.

    ``leads`` (by the kind of bar) and ``trail`` judge what stands before the first name and behind the last value.
    """

    def __init__(self) -> None:
        self.leads, self.trail = [Verdicts(lead) for lead in LEADS], Verdicts(TRAIL)
        self.names: list[str] = []
        self._code_of: dict[str, int] = {}
        self._seen = _Seen(lambda text: self.code(text) if NAME.fullmatch(text) else -1)

    def code(self, name: str) -> int:
        """The code of a name, which is entered if it is new; -1 when the table is full."""
        code = self._code_of.get(name)
        if code is None:
            if len(self.names) >= MOST_NAMES:
                return -1
            code = self._code_of[name] = len(self.names)
            self.names.append(name)
        return code

    def codes(self, text: bytes, start: IntArray, end: IntArray) -> IntArray:
        """The codes of names of at most 64 bytes; -1 for what is no name.

        64 bytes before each end lie inside ``text``.
        """
        return self._seen.of(text, start, end)


def _prints(text: bytes, start: IntArray, end: IntArray, table: bytes = b"") -> NDArray[np.uint64]:
    """One number for each stretch of text, equal ones for equal stretches; ``table`` translates the bytes before."""
    length = end - start
    words = -(-int(length.max()) // 8) or 1
    content = windows(text, end - 8 * words, 8 * words).view("<u8")
    if table:
        content = np.frombuffer(table, np.uint8)[content.view(np.uint8)].view("<u8")
    content &= _MASKS[:, -words:][length]
    prints: NDArray[np.uint64] = content @ _FACTORS[words - 1 :: -1] + length.astype(np.uint64) * _FACTORS[-1]
    return prints
