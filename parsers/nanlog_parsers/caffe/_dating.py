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

from ._columns import Rows
from ._heads import Direction

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
    """The debug values that were not taken yet: first those that are settled, then the open ones.

    ``at`` names a place among all values of the log, as the number of values before it.
    """

    def __init__(self) -> None:
        self._rows = Rows.none()
        self._direction = np.empty(0, np.int64)
        self._taken = 0
        self._settled = 0
        self._spans: list[tuple[int, int, int, int]] = []

    def add(self, rows: Rows, directions: NDArray[np.int64]) -> None:
        """Append the values of a piece; ``directions[code]`` is the direction of a head."""
        self._rows = self._rows + rows
        self._direction = directions[self._rows.code]

    def before(self, line: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of each line among the values."""
        return self._taken + np.searchsorted(self._rows.line, line)

    @property
    def end(self) -> int:
        return self._taken + len(self._rows)

    def has_open(self, at: int) -> bool:
        return at > self._settled

    def settle(self, at: int, net: int, step: int | None, updated_step: int | None) -> None:
        """Date the open values before ``at``; those of ``[Update]`` belong to ``updated_step``."""
        if at > self._settled:
            length = at - self._settled
            self._spans.append((length, net, _dated(step), _dated(updated_step)))
            self._settled = at

    def test_passes_end(self, at: int, passes: int | None) -> int:
        """Find where the open values turn from those of a test net without outputs into those of training.

        A backward pass is training, and so is the forward pass before it.  Without one, what follows ``passes``
        forward passes is training (the crash came in its forward pass); nothing, when their number is not known.
        """
        part = slice(self._settled - self._taken, at - self._taken)
        code = self._rows.code[part]
        if not len(code):
            return at
        starts = np.flatnonzero(code == code[0])
        backward = np.flatnonzero(self._direction[part] == Direction.BACKWARD)
        if len(backward):
            return self._settled + (int(starts[starts < backward[0]][-1]) if backward[0] else 0)
        if passes and len(starts) > passes:
            return self._settled + int(starts[passes])
        return at

    def take(self) -> Dated:
        """The settled values, each given once."""
        count = self._settled - self._taken
        spans = np.array(self._spans, np.int64).reshape(-1, 4)
        net, step, updated_step = (np.repeat(spans[:, column], spans[:, 0]) for column in (1, 2, 3))
        is_update = self._direction[:count] == Direction.UPDATE
        if is_update.any():
            step = np.where(is_update, updated_step, step)
        dated = Dated(self._rows[:count], net, step)
        self._rows = self._rows[count:]
        self._direction = self._direction[count:]
        self._taken, self._spans = self._settled, []
        return dated


def _dated(step: int | None) -> int:
    return NO_STEP if step is None else step
