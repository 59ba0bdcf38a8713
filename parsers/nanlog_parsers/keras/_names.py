"""Texts that recur: each distinct one is looked at once.  Names have codes; what stands around them is judged."""

from __future__ import annotations

import re

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


class Verdicts:
    """Which texts a pattern matches as a whole, any digit counting as 0."""

    _DIGITS = bytes.maketrans(b"123456789", b"000000000")

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self._verdict: dict[int, bool] = {}

    def of(self, text: bytes, start: IntArray, end: IntArray) -> NDArray[np.bool_]:
        """The verdicts on stretches of ``text``; those longer than 64 bytes are not matched."""
        length = end - start
        fits = (length >= 0) & (length <= _LONGEST)
        found = np.zeros(len(start), np.bool_)
        start, end = start[fits], end[fits]
        if not len(start):
            return found
        prints, first, inverse = np.unique(
            _prints(text, start, end, self._DIGITS), return_index=True, return_inverse=True
        )
        verdicts = []
        for mark, row in zip(prints.tolist(), first.tolist(), strict=True):
            verdict = self._verdict.get(mark)
            if verdict is None:
                stretch = text[start[row] : end[row]].decode("utf-8", "replace")
                verdict = self._pattern.fullmatch(stretch) is not None
                if len(self._verdict) < MOST_NAMES:
                    self._verdict[mark] = verdict
            verdicts.append(verdict)
        found[fits] = np.array(verdicts, np.bool_)[inverse]
        return found


class NameTable:
    """The names of one log; a code is an index into :attr:`names`.

    ``leads`` (by the kind of bar) and ``trail`` judge what stands before the first name and behind the last value.
    """

    def __init__(self) -> None:
        self.leads, self.trail = [Verdicts(lead) for lead in LEADS], Verdicts(TRAIL)
        self.names: list[str] = []
        self._code_of: dict[str, int] = {}
        self._code_of_print: dict[int, int] = {}

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
        """The codes of names of at most 64 bytes; 64 bytes before each end lie inside ``text``."""
        if not len(start):
            return np.empty(0, np.int64)
        prints, first, inverse = np.unique(_prints(text, start, end), return_index=True, return_inverse=True)
        codes = []
        for mark, row in zip(prints.tolist(), first.tolist(), strict=True):
            code = self._code_of_print.get(mark)
            if code is None:
                name = text[start[row] : end[row]].decode("utf-8", "replace")
                code = self.code(name) if NAME.fullmatch(name) else -1
                if len(self._code_of_print) < MOST_NAMES:
                    self._code_of_print[mark] = code
            codes.append(code)
        return np.array(codes, np.int64)[inverse]


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
