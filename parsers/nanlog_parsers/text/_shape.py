"""What lines have in common that differ in their numbers only, and what such lines mean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ._lex import Lexed
from ._roles import NOTHING, Roles

__all__ = ["Found", "Key", "Meaning", "Rows", "Shape", "keys_of", "number_at", "without_pinned"]

_U8 = 8

Rows = NDArray[np.int64]
#: The texts between the numbers of a line, those before the first and behind the last included.
Key = tuple[bytes, ...]
Found = tuple["Shape", Rows]


@dataclass(eq=False, slots=True)
class Meaning:
    """What the lines of some shapes mean; shapes that differ in the width of columns share it.

    ``seen`` counts the lines, ``understood`` says whether :attr:`roles` were learned.  ``wording`` is what the lines
    have in common where it is less than the texts between their numbers, ``left_out`` how many numbers of each line are
    not read though they have names.
    """

    roles: Roles = NOTHING
    understood: bool = False
    seen: int = 0
    wording: Key | None = None
    left_out: int = 0


@dataclass(eq=False, slots=True)
class Shape:
    """The texts between the numbers.

    ``pinned`` holds the numbers that are part of a name (``precision[class 8]``), by their place: lines that differ in
    one of them differ in shape.
    """

    key: Key
    meaning: Meaning
    pinned: dict[int, bytes] = field(default_factory=dict)
    seen: int = 0

    def fits(self, lexed: Lexed, rows: Rows) -> NDArray[np.bool_]:
        """Which of the rows, all with the right count of numbers, have this shape."""
        count = len(self.key) - 1
        first = lexed.first[rows]
        ok = np.ones(len(rows), np.bool_)
        for place, literal in enumerate(self.key):
            left = lexed.content[rows] if place == 0 else lexed.gap_start[first + place - 1]
            right = lexed.end[rows] if place == count else lexed.gap_end[first + place]
            ok &= np.maximum(right - left, 0) == len(literal)
            if literal:
                ok &= _is(lexed, left, literal)
        for place, number in self.pinned.items():
            begin = lexed.begin[first + place]
            ok &= lexed.beyond[first + place] - begin == len(number)
            ok &= _is(lexed, begin, number)
        return ok


def _is(lexed: Lexed, place: Rows, word: bytes) -> NDArray[np.bool_]:
    """Whether ``word`` stands at the places; what stands behind the end of the text is not looked at."""
    windows = np.ndarray((len(lexed.text) - _U8 + 1,), "<u8", lexed.text, 0, (1,))
    last = len(windows) - 1
    ok = np.ones(len(place), np.bool_)
    for offset in range(0, len(word), _U8):
        part = word[offset : offset + _U8]
        found = windows[np.minimum(place + offset, last)]
        if len(part) < _U8:
            found = found & np.uint64((1 << 8 * len(part)) - 1)
        ok &= found == np.uint64(int.from_bytes(part, "little"))
    return ok


def keys_of(lexed: Lexed, rows: Rows, blanks: int = 0) -> list[Key]:
    """The texts between the numbers of some rows, all with the same count of numbers, with so many of their blanks."""
    places = lexed.first[rows][:, None] + np.arange(int(lexed.count[rows[0]]))
    gap_start, gap_end = lexed.gap_start[places], lexed.gap_end[places]
    if blanks:
        gap_start = np.maximum(gap_start - blanks, lexed.beyond[places])
        gap_end = np.minimum(gap_end + blanks, lexed.begin[places])
    lefts = np.column_stack((lexed.content[rows], gap_start)).tolist()
    rights = np.column_stack((gap_end, lexed.end[rows])).tolist()
    text = lexed.text
    return [
        tuple([text[a:b] for a, b in zip(left, right, strict=True)]) for left, right in zip(lefts, rights, strict=True)
    ]


def number_at(lexed: Lexed, row: int, place: int) -> bytes:
    """A number of a row as it stands there."""
    number = int(lexed.first[row]) + place
    return lexed.text[lexed.begin[number] : lexed.beyond[number]]


def without_pinned(roles: Roles) -> Roles:
    """The roles of lines whose names, with a number in them, are too many to be told apart."""
    kept = tuple(value for value in roles.values if value.place - 1 not in roles.pinned)
    return replace(roles, values=kept, pinned=())
