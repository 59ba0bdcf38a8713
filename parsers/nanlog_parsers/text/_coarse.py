"""Shapes of lines hardly any two of which are worded alike; see :mod:`._wording` for what makes them alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ._lex import Lexed
from ._shape import Found, Key, Meaning, Rows, Shape, number_at, without_pinned
from ._wording import Wording, named_in_vain

__all__ = ["CoarseTable"]

_MOST_SHAPES = 8000
_MOST_VARIANTS = 200


class CoarseTable:
    """The coarse shapes of one log."""

    def __init__(self) -> None:
        self._wording = Wording()
        self._shapes: dict[Key, Shape] = {}
        self._variants: dict[Key, dict[tuple[bytes, ...], Shape]] = {}

    def rows_by_shape(self, rows: Rows, keys: Sequence[Key]) -> Iterator[Found]:
        """Every shape with the rows that have it, all with the same count of numbers; new ones are entered."""
        self._wording.compare(keys)
        found: dict[Key, list[int]] = {}
        for row, key in zip(rows.tolist(), keys, strict=True):
            alike = self._wording.of(key)
            own = found.get(alike)
            if own is not None:
                own.append(row)
                continue
            if alike not in self._shapes:
                alike = self._enter(key, alike)
            found.setdefault(alike, []).append(row)
        for alike, own in found.items():
            shape = self._shapes[alike]
            shape.meaning.seen += len(own)
            yield shape, np.array(own, np.int64)

    def divided(self, lexed: Lexed, shape: Shape, rows: Rows, pinned: tuple[int, ...]) -> Iterator[Found]:
        """Divide the rows of a shape some of whose numbers are parts of names."""
        found: dict[tuple[bytes, ...], list[int]] = {}
        for row in rows.tolist():
            found.setdefault(tuple(number_at(lexed, row, place) for place in pinned), []).append(row)
        for numbers, own in found.items():
            variant = self._variant(shape, pinned, numbers)
            variant.meaning.seen += len(own)
            yield variant, np.array(own, np.int64)

    def _enter(self, key: Key, alike: Key) -> Key:
        """Enter the shape of a line, of which less stays when there are many; return what stays."""
        while alike not in self._shapes and self._wording.fills(len(self._shapes)):
            alike = self._wording.of(key)
        if alike not in self._shapes and len(self._shapes) >= _MOST_SHAPES:
            alike = tuple(b"" for _ in key)
            self._shapes.setdefault(alike, Shape(alike, Meaning(understood=True, left_out=len(key) - 1)))
        if alike not in self._shapes:
            self._shapes[alike] = Shape(alike, Meaning(wording=alike, left_out=named_in_vain(alike)))
        return alike

    def _variant(self, shape: Shape, pinned: tuple[int, ...], numbers: tuple[bytes, ...]) -> Shape:
        variants = self._variants.setdefault(shape.key, {})
        if numbers not in variants and len(variants) >= _MOST_VARIANTS:
            roles, numbers = without_pinned(shape.meaning.roles), ()
            lost = len(shape.meaning.roles.values) - len(roles.values) + shape.meaning.left_out
            variants.setdefault(numbers, Shape(shape.key, Meaning(roles, understood=True, left_out=lost)))
        if numbers not in variants:
            meaning = Meaning(wording=shape.key, left_out=shape.meaning.left_out)
            variants[numbers] = Shape(shape.key, meaning, dict(zip(pinned, numbers, strict=True)))
        return variants[numbers]
