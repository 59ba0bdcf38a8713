"""What was read from a stretch of log, as columns: bars, the values they show, the headers of epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "COLOURED",
    "DRAWN",
    "MOST_BATCHES",
    "MOST_EPOCHS",
    "MOST_IN_A_STATE",
    "PLAIN",
    "Bars",
    "Headers",
    "IntArray",
    "Shown",
]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

#: Kinds of bars: one line for an epoch (verbose=2), ``[==>...]`` of Keras 1 and 2, the coloured one of Keras 3.
PLAIN, DRAWN, COLOURED = 0, 1, 2

#: No bar counts further, and no training has more epochs; a step is at most their product, which int64 can hold.
MOST_BATCHES, MOST_EPOCHS = 10**10 - 1, 10**8 - 1

#: The *order* of whatever was read is the number of its state times this, plus its place among what shares the state.
MOST_IN_A_STATE = 1 << 20


@dataclass(frozen=True, slots=True)
class Bars:
    """States of a progress bar: how many batches (or samples) of how many were seen; ``target`` 0 is unknown."""

    order: IntArray
    line: IntArray
    seen: IntArray
    target: IntArray
    kind: IntArray

    @staticmethod
    def of(rows: Sequence[tuple[int, int, int, int, int]]) -> Bars:
        return Bars(*np.array(rows, np.int64).reshape(-1, 5).T)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, part: slice | IntArray) -> Bars:
        return Bars(self.order[part], self.line[part], self.seen[part], self.target[part], self.kind[part])

    def __add__(self, other: Bars) -> Bars:
        pairs = ((getattr(self, name), getattr(other, name)) for name in Bars.__slots__)
        return Bars(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True, slots=True)
class Shown:
    """Values shown by bars: the order of the bar, the code of the name, the value."""

    order: IntArray
    code: IntArray
    value: FloatArray

    @staticmethod
    def of(rows: Sequence[tuple[int, int, float]]) -> Shown:
        order, code, value = zip(*rows, strict=True) if rows else ((), (), ())
        return Shown(np.array(order, np.int64), np.array(code, np.int64), np.array(value, np.float64))

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, part: slice | IntArray | NDArray[np.bool_]) -> Shown:
        return Shown(self.order[part], self.code[part], self.value[part])

    def __add__(self, other: Shown) -> Shown:
        return Shown(
            np.concatenate((self.order, other.order)),
            np.concatenate((self.code, other.code)),
            np.concatenate((self.value, other.value)),
        )


@dataclass(frozen=True, slots=True)
class Headers:
    """Lines ``Epoch 3/7``: epoch 3 of 7 begins."""

    order: IntArray
    line: IntArray
    epoch: IntArray
    epochs: IntArray

    @staticmethod
    def of(rows: Sequence[tuple[int, int, int, int]]) -> Headers:
        return Headers(*np.array(rows, np.int64).reshape(-1, 4).T)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, part: slice | IntArray) -> Headers:
        return Headers(self.order[part], self.line[part], self.epoch[part], self.epochs[part])

    def __add__(self, other: Headers) -> Headers:
        pairs = ((getattr(self, name), getattr(other, name)) for name in Headers.__slots__)
        return Headers(*(np.concatenate(pair) for pair in pairs))
