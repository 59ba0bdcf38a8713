"""Shapes: what lines have in common that differ in their numbers only.

The shape of ``step   5 | loss 2.3`` and ``step 110 | loss nan`` is ``step``, ``| loss``, and nothing behind the last
number.  A log has millions of lines and a few shapes, so each shape is understood once and its lines are read together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ._lex import Lexed
from ._roles import NOTHING, Roles

__all__ = ["Meaning", "Shape", "ShapeTable"]

#: Lines with more numbers than this are dumps of arrays.
MOST_NUMBERS = 250
LONGEST_LINE = 1 << 14
#: A log with more shapes is prose; the rarest are forgotten.
MOST_SHAPES = 4000
#: So many shapes are compared with all lines at once, the others with one line at a time.
_TOGETHER = 48
_WORTH_IT = 48
_MOST_VARIANTS = 200

_U8 = 8

Rows = NDArray[np.int64]
Found = tuple["Shape", Rows]


@dataclass(eq=False, slots=True)
class Meaning:
    """What the lines of some shapes mean; shapes that differ in the width of columns share it.

    ``seen`` counts the lines, ``understood`` says whether :attr:`roles` were learned.
    """

    roles: Roles = NOTHING
    understood: bool = False
    seen: int = 0


@dataclass(eq=False, slots=True)
class Shape:
    """The texts between the numbers.

    ``pinned`` holds the numbers that are part of a name (``precision[class 8]``), by their place: lines that differ in
    one of them differ in shape.
    """

    key: tuple[bytes, ...]
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


class ShapeTable:
    """The shapes of one log."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[bytes, ...], list[Shape]] = {}
        self._by_count: dict[int, list[Shape]] = {}
        self._meanings: dict[tuple[bytes, ...], Meaning] = {}
        self._divided: dict[tuple[bytes, ...], Roles] = {}

    def rows_by_shape(self, lexed: Lexed) -> Iterator[Found]:
        """Every shape with the rows that have it; new ones are entered.  Rows without numbers have none."""
        fit = (lexed.count > 0) & (lexed.count <= MOST_NUMBERS) & (lexed.end - lexed.start <= LONGEST_LINE)
        places = np.flatnonzero(fit)
        counts = lexed.count[places]
        for count in np.unique(counts).tolist():
            yield from self._of_one_count(lexed, count, places[counts == count])

    def divided(self, lexed: Lexed, shape: Shape, rows: Rows, pinned: tuple[int, ...]) -> Iterator[Found]:
        """Divide the rows of a shape some of whose numbers turned out to be parts of names."""
        self._divided[shape.key] = shape.meaning.roles
        known = self._shapes[shape.key]
        if shape in known and not shape.pinned:
            known.remove(shape)
            self._by_count[len(shape.key) - 1].remove(shape)
        while len(rows):
            if len(known) >= _MOST_VARIANTS:
                yield self._seen(self._overflow(shape.key), rows)
                return
            numbers = {place: _number(lexed, int(rows[0]), place) for place in pinned}
            variant = next((other for other in known if other.pinned == numbers), None)
            variant = variant or self._enter(shape.key, numbers)
            fits = variant.fits(lexed, rows)
            fits[0] = True
            yield self._seen(variant, rows[fits])
            rows = rows[~fits]

    def _of_one_count(self, lexed: Lexed, count: int, rows: Rows) -> Iterator[Found]:
        known = sorted(self._by_count.get(count, ()), key=lambda shape: -shape.seen)
        for shape in known[:_TOGETHER]:
            if len(rows) < _WORTH_IT:
                break
            fits = shape.fits(lexed, rows)
            if fits.any():
                yield self._seen(shape, rows[fits])
                rows = rows[~fits]
        for _ in range(_TOGETHER):
            if len(rows) < _WORTH_IT:
                break
            shape = self._shape(lexed, int(rows[0]))
            fits = shape.fits(lexed, rows)
            fits[0] = True
            yield self._seen(shape, rows[fits])
            rows = rows[~fits]
        yield from self._one_by_one(lexed, rows)

    def _one_by_one(self, lexed: Lexed, rows: Rows) -> Iterator[Found]:
        found: dict[int, tuple[Shape, list[int]]] = {}
        for row in rows.tolist():
            shape = self._shape(lexed, row)
            found.setdefault(id(shape), (shape, []))[1].append(row)
        for shape, own in found.values():
            yield self._seen(shape, np.array(own, np.int64))

    @staticmethod
    def _seen(shape: Shape, rows: Rows) -> Found:
        shape.seen += len(rows)
        shape.meaning.seen += len(rows)
        return shape, rows

    def _shape(self, lexed: Lexed, row: int) -> Shape:
        key = _key(lexed, row)
        variants = self._shapes.get(key)
        if variants is None and len(self._shapes) >= MOST_SHAPES:
            self._forget()
        if not variants:
            return self._enter(key, {})
        for shape in variants:
            if all(_number(lexed, row, place) == number for place, number in shape.pinned.items()):
                return shape
        if len(variants) >= _MOST_VARIANTS:
            return self._overflow(key)
        return self._enter(key, {place: _number(lexed, row, place) for place in variants[0].pinned})

    def _enter(self, key: tuple[bytes, ...], pinned: dict[int, bytes]) -> Shape:
        alike = (*(b" ".join(literal.split()) for literal in key), *pinned.values())
        shape = Shape(key, self._meanings.setdefault(alike, Meaning()), pinned)
        self._shapes.setdefault(key, []).append(shape)
        self._by_count.setdefault(len(key) - 1, []).append(shape)
        return shape

    def _overflow(self, key: tuple[bytes, ...]) -> Shape:
        """The shape of lines with more different names than can be told apart: what has such a name is not read."""
        variants = self._shapes[key]
        if variants[-1].pinned:
            roles = self._divided[key]
            kept = tuple(value for value in roles.values if value.place - 1 not in roles.pinned)
            variants.append(Shape(key, Meaning(replace(roles, values=kept, pinned=()), understood=True)))
        return variants[-1]

    def _forget(self) -> None:
        """Keep the shapes that mean something."""
        every = [shape for shapes in self._shapes.values() for shape in shapes if shape.meaning.roles.values]
        kept = [shape for shape in every if shape.pinned or shape.key not in self._divided]
        kept = kept if len(kept) <= MOST_SHAPES // 2 else []
        keys = {shape.key for shape in kept}
        self._shapes, self._by_count, self._meanings = {}, {}, {}
        self._divided = {key: roles for key, roles in self._divided.items() if key in keys}
        for shape in kept:
            alike = (*(b" ".join(literal.split()) for literal in shape.key), *shape.pinned.values())
            self._meanings[alike] = shape.meaning
            self._shapes.setdefault(shape.key, []).append(shape)
            self._by_count.setdefault(len(shape.key) - 1, []).append(shape)


def _key(lexed: Lexed, row: int) -> tuple[bytes, ...]:
    first, count = int(lexed.first[row]), int(lexed.count[row])
    rights = [*lexed.gap_end[first : first + count].tolist(), int(lexed.end[row])]
    lefts = [int(lexed.content[row]), *lexed.gap_start[first : first + count].tolist()]
    return tuple(lexed.text[left:right] for left, right in zip(lefts, rights, strict=True))


def _number(lexed: Lexed, row: int, place: int) -> bytes:
    number = int(lexed.first[row]) + place
    return lexed.text[lexed.begin[number] : lexed.beyond[number]]
