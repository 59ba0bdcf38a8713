"""Gives debug values their iteration and their net.

In a log the values of ``[Forward]`` and ``[Backward]`` stand before the ``Iteration N`` line they belong to, those of
``[Update]`` behind it, and those of a test net between ``Iteration N, Testing net`` and ``Test net output``.  So values
stay open until a later line settles them, at times one in a later piece of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP

from ._caffe_columns import Rows
from ._caffe_heads import Direction

__all__ = ["TRAIN", "Dated", "Dating"]

#: The training net; test net #k is k + 1.
TRAIN = 0


@dataclass(frozen=True, slots=True)
class Dated:
    """Debug values with their net and their iteration."""

    rows: Rows
    net: NDArray[np.int64]
    step: NDArray[np.int64]


class Dating:
    """The debug values between the last settled one and the end of the piece read last.

    ``at`` names a place among them as the number of values before it.
    """

    def __init__(self) -> None:
        self._rows = Rows.none()
        self._net = np.empty(0, np.int64)
        self._step = np.empty(0, np.int64)
        self._updated_step = np.empty(0, np.int64)
        self._direction = np.empty(0, np.int64)
        self._settled = 0
        self._given = 0

    def add(self, rows: Rows, directions: NDArray[np.int64]) -> None:
        """Append the values of a piece; ``directions[code]`` is the direction of a head."""
        self._rows = self._rows[self._given :] + rows
        self._direction = directions[self._rows.code]
        kept = len(self._net) - self._given
        self._settled -= self._given
        grown = len(self._rows)
        for name in ("_net", "_step", "_updated_step"):
            column = np.full(grown, NO_STEP, np.int64)
            column[:kept] = getattr(self, name)[self._given :]
            setattr(self, name, column)
        self._given = 0

    def before(self, line: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of each line among the values."""
        return np.searchsorted(self._rows.line, line)

    @property
    def end(self) -> int:
        return len(self._rows)

    def has_open(self, at: int) -> bool:
        return at > self._settled

    def settle(self, at: int, net: int, step: int | None, updated_step: int | None = None) -> None:
        """Date the open values before ``at``; those of ``[Update]`` belong to ``updated_step``."""
        part = slice(self._settled, at)
        self._net[part] = net
        self._step[part] = NO_STEP if step is None else step
        self._updated_step[part] = NO_STEP if updated_step is None else updated_step
        self._settled = max(at, self._settled)

    def test_passes_end(self, at: int, passes: int | None) -> int:
        """Find where the open values turn from those of a test net without outputs into those of training.

        A backward pass is training, and so is the forward pass before it.  Without one, what follows ``passes``
        forward passes is training (the crash came in its forward pass); nothing, when their number is not known.
        """
        code = self._rows.code[self._settled : at]
        if not len(code):
            return at
        starts = np.flatnonzero(code == code[0])
        backward = np.flatnonzero(self._direction[self._settled : at] == Direction.BACKWARD)
        if len(backward):
            return self._settled + int(starts[starts < backward[0]][-1]) if backward[0] else self._settled
        if passes and len(starts) > passes:
            return self._settled + int(starts[passes])
        return at

    def take(self) -> Dated:
        """The settled values, each given once."""
        part = slice(self._given, self._settled)
        is_update = self._direction[part] == Direction.UPDATE
        step = np.where(is_update, self._updated_step[part], self._step[part])
        dated = Dated(self._rows[part], self._net[part], step)
        self._given = self._settled
        return dated
