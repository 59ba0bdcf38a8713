"""Shapes: what lines have in common that differ in their numbers only.

The shape of ``step   5 | loss 2.3`` and ``step 110 | loss nan`` is ``step``, ``| loss``, and nothing behind the last
number.  A log has millions of lines and a few shapes, so each shape is understood once and its lines are read together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from ._coarse import CoarseTable
from ._lex import Lexed
from ._roles import Roles
from ._shape import Found, Key, Meaning, Rows, Shape, keys_of, number_at, without_pinned
from ._wording import FEWEST_COMPARED, MOST_COMPARED, wordings_differ

__all__ = ["ShapeTable"]

#: Lines with more numbers than this are dumps of arrays.
MOST_NUMBERS = 1500
LONGEST_LINE = 1 << 16
#: A log with more shapes is prose; the rarest are forgotten.
MOST_SHAPES = 4000
_MOST_BYTES = 1 << 25
#: So many shapes are compared with all lines at once, the others with one line at a time.
_TOGETHER = 48
_WORTH_IT = 48
_MOST_VARIANTS = 200
#: So many lines of a stretch that are worded alike have a shape of their own in any log.
_OFTEN = 64


class ShapeTable:
    """The shapes of one log."""

    def __init__(self) -> None:
        self._shapes: dict[Key, list[Shape]] = {}
        self._by_count: dict[int, list[Shape]] = {}
        self._meanings: dict[Key, Meaning] = {}
        self._divided: dict[Key, Roles] = {}
        self._size = 0
        self.unfit = np.empty(0, np.int64)
        self._coarse = CoarseTable()
        self._coarse_counts: set[int] = set()

    def rows_by_shape(self, lexed: Lexed) -> Iterator[Found]:
        """Every shape with the rows that have it; new ones are entered.  Rows without numbers have none."""
        fit = (lexed.count > 0) & (lexed.count <= MOST_NUMBERS) & (lexed.end - lexed.start <= LONGEST_LINE)
        self.unfit = np.flatnonzero((lexed.count > 0) & ~fit)
        places = np.flatnonzero(fit)
        counts = lexed.count[places]
        for count in np.unique(counts).tolist():
            yield from self._of_one_count(lexed, count, places[counts == count])

    def divided(self, lexed: Lexed, shape: Shape, rows: Rows, pinned: tuple[int, ...]) -> Iterator[Found]:
        """Divide the rows of a shape some of whose numbers turned out to be parts of names."""
        if shape.meaning.wording is not None:
            yield from self._coarse.divided(lexed, shape, rows, pinned)
            return
        self._divided[shape.key] = shape.meaning.roles
        known = self._shapes[shape.key]
        if shape in known and not shape.pinned:
            known.remove(shape)
            self._by_count[len(shape.key) - 1].remove(shape)
        while len(rows):
            if len(known) >= _MOST_VARIANTS:
                yield self._seen(self._overflow(shape.key), rows)
                return
            numbers = {place: number_at(lexed, int(rows[0]), place) for place in pinned}
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
        yield from self._new(lexed, count, rows)

    def _new(self, lexed: Lexed, count: int, rows: Rows) -> Iterator[Found]:
        """Rows of shapes that are new, or rare."""
        if self._differ(lexed, count, rows):
            yield from self._unlike(lexed, rows)
            return
        for _ in range(_TOGETHER):
            if len(rows) < _WORTH_IT:
                break
            shape = self._shape(lexed, int(rows[0]))
            fits = shape.fits(lexed, rows)
            fits[0] = True
            yield self._seen(shape, rows[fits])
            rows = rows[~fits]
        if self._differ(lexed, count, rows):
            yield from self._unlike(lexed, rows)
        else:
            yield from self._one_by_one(lexed, rows)

    def _differ(self, lexed: Lexed, count: int, rows: Rows) -> bool:
        """Whether hardly any two rows with so many numbers are worded alike; once they were, that is how they are."""
        if len(rows) >= FEWEST_COMPARED and count not in self._coarse_counts:
            some = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_COMPARED)).astype(np.int64)]
            if wordings_differ(keys_of(lexed, some)):
                self._coarse_counts.add(count)
        return len(rows) > 0 and count in self._coarse_counts

    def _unlike(self, lexed: Lexed, rows: Rows) -> Iterator[Found]:
        """Rows that are worded like hardly any other; those of a shape that is known are of that shape."""
        keys = keys_of(lexed, rows)
        often = Counter(keys)
        known = np.array([key in self._shapes or often[key] >= _OFTEN for key in keys], np.bool_)
        yield from self._one_by_one(lexed, rows[known])
        other = np.flatnonzero(~known)
        if len(other):
            yield from self._coarse.rows_by_shape(rows[other], keys_of(lexed, rows[other], blanks=1))

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
        key = keys_of(lexed, np.array([row]))[0]
        variants = self._shapes.get(key)
        if variants is None and (len(self._shapes) >= MOST_SHAPES or self._size > _MOST_BYTES):
            self._forget()
        if not variants:
            return self._enter(key, {})
        for shape in variants:
            if all(number_at(lexed, row, place) == number for place, number in shape.pinned.items()):
                return shape
        if len(variants) >= _MOST_VARIANTS:
            return self._overflow(key)
        return self._enter(key, {place: number_at(lexed, row, place) for place in variants[0].pinned})

    def _enter(self, key: Key, pinned: dict[int, bytes]) -> Shape:
        alike = (*(b" ".join(literal.split()) for literal in key), *pinned.values())
        self._size += sum(map(len, key))
        shape = Shape(key, self._meanings.setdefault(alike, Meaning()), pinned)
        self._shapes.setdefault(key, []).append(shape)
        self._by_count.setdefault(len(key) - 1, []).append(shape)
        return shape

    def _overflow(self, key: Key) -> Shape:
        """The shape of lines with more different names than can be told apart: what has such a name is not read."""
        variants = self._shapes[key]
        if variants[-1].pinned:
            roles = self._divided[key]
            kept = without_pinned(roles)
            lost = len(roles.values) - len(kept.values)
            variants.append(Shape(key, Meaning(kept, understood=True, left_out=lost)))
        return variants[-1]

    def _forget(self) -> None:
        """Keep the shapes that mean something."""
        every = [shape for shapes in self._shapes.values() for shape in shapes if shape.meaning.roles.values]
        kept = [shape for shape in every if shape.pinned or shape.key not in self._divided]
        keys = {shape.key for shape in kept}
        if len(kept) > MOST_SHAPES // 2 or sum(len(text) for key in keys for text in key) > _MOST_BYTES // 2:
            kept, keys = [], set()
        self._shapes, self._by_count, self._meanings = {}, {}, {}
        self._size = sum(len(text) for key in keys for text in key)
        self._divided = {key: roles for key, roles in self._divided.items() if key in keys}
        for shape in kept:
            alike = (*(b" ".join(literal.split()) for literal in shape.key), *shape.pinned.values())
            self._meanings[alike] = shape.meaning
            self._shapes.setdefault(shape.key, []).append(shape)
            self._by_count.setdefault(len(shape.key) - 1, []).append(shape)
