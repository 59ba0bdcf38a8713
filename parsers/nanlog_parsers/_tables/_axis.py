"""The step of each row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP

__all__ = ["Axis"]

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class Axis:
    """Dates the rows of one file in one unit, from the counters they hold.

    The unit is the step where rows hold one, else the epoch.  A row without the unit (an evaluation that names its
    epoch only) is dated by the row before it.  A step that begins anew with each epoch is counted through.
    """

    def __init__(self) -> None:
        self._has_steps: bool | None = None
        self._last = NO_STEP
        self._per_epoch = 0
        self._first_epoch = 0
        self._in_first: tuple[int, int] | None = None  #: smallest and largest step of the first epoch
        self._before: tuple[int, int] | None = None  #: step and epoch of the last training row that has both
        self.counts_epochs = False  #: no row holds anything finer than an epoch, and some hold that

    def dated(self, step: IntArray, epoch: IntArray, is_training: BoolArray) -> IntArray:
        """Steps of consecutive rows from their counters; ``NO_STEP`` stands for a counter they do not hold."""
        if not len(step):
            return step
        if self._has_steps is None:
            self._has_steps = bool(np.any(step != NO_STEP))
        if not self._has_steps:
            self.counts_epochs |= bool(np.any(epoch != NO_STEP))
            return self._carried(epoch)
        return self._carried(self._counted_through(step, epoch, is_training))

    def _counted_through(self, step: IntArray, epoch: IntArray, is_training: BoolArray) -> IntArray:
        rows = np.flatnonzero((step != NO_STEP) & (epoch != NO_STEP) & is_training)
        if not len(rows):
            return step
        if not self._per_epoch:
            self._find_epochs(step[rows], epoch[rows])
        if not self._per_epoch:
            return step
        through = step.copy()
        through[rows] += np.maximum(epoch[rows] - self._first_epoch, 0) * self._per_epoch
        through[~is_training & (epoch != NO_STEP)] = NO_STEP
        return through

    def _find_epochs(self, step: IntArray, epoch: IntArray) -> None:
        """See whether the step falls where the epoch rises; then the first epoch tells how many steps one has."""
        if self._before is None:
            self._first_epoch = int(epoch[0])
        else:
            step = np.concatenate(([self._before[0]], step))
            epoch = np.concatenate(([self._before[1]], epoch))
        self._before = int(step[-1]), int(epoch[-1])
        first = step[epoch == self._first_epoch]
        if len(first):
            low, high = self._in_first or (int(first[0]), int(first[0]))
            self._in_first = min(low, int(first.min())), max(high, int(first.max()))
        falls = np.flatnonzero(np.diff(step) < 0)
        if len(falls) and self._in_first and epoch[falls[0] + 1] > epoch[falls[0]]:
            low, high = self._in_first
            self._per_epoch = high + (low == 0)

    def _carried(self, step: IntArray) -> IntArray:
        """Give each row without a step that of the row before it."""
        known = step != NO_STEP
        if known.all():
            self._last = int(step[-1])
            return step
        last = np.maximum.accumulate(np.where(known, np.arange(len(step)), -1))
        carried = np.where(last >= 0, step[last], self._last)
        self._last = int(carried[-1])
        return carried
