"""Undoes the averaging of the bar.

The loss that a bar shows after batch n is the mean m(n) over the batches of the epoch so far.  From two states follows
the mean over the batches in between, (n m(n) - k m(k)) / (n - k), in which a bad batch stands out.  What is wrong with
it:

* The four printed digits make it noisy where n - k is small against n.  So k is chosen for every state as near as the
  noise stays below :data:`NOISE` of the mean shown; with small losses k may be 0, which leaves the mean as it is.
* It holds for a running mean only.  A bar that shows each batch's own loss (a ``train_step`` that returns it) would
  turn into wild swings, many of which go below zero.  An epoch in which that happens stays as it was shown, and so do
  all later ones; so does an epoch whose loss is not positive throughout, for which there is no such test.
* Keras 3 before 3.15 averaged the running mean once more and ended the epoch with the plain mean.  The result is then
  the running mean; its last state does not fit the others and is shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._rows import IntArray

__all__ = ["NOISE", "Means", "Undoing"]

FloatArray = NDArray[np.float64]

#: The rounding noise of a result is at most this share of the mean shown.
NOISE = 0.01
#: Relative error of a mean accumulated in float32.
_SINGLE_PRECISION = 2e-7
#: So far above all other results of the epoch the last one may lie; see the module on Keras 3.
_MOST_ABOVE = 2.0
#: So many states of an epoch that is cut into parts are remembered.
_REMEMBERED = 100_000
_LONGEST = np.int64(1) << 40


@dataclass(frozen=True, slots=True)
class Means:
    """Running means: the epoch (an index), how much of it was seen, the mean shown, whether nothing is left of it.

    Rows of one epoch are consecutive, and ``seen`` rises in them.  ``is_whole`` says that an epoch is known from its
    first batch on.
    """

    epoch: IntArray
    seen: IntArray
    value: FloatArray
    is_final: NDArray[np.bool_]
    is_whole: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.epoch)

    def __add__(self, other: Means) -> Means:
        pairs = ((getattr(self, name), getattr(other, name)) for name in Means.__slots__)
        return Means(*(np.concatenate(pair) for pair in pairs))

    def of_last_epoch(self) -> Means:
        """The last rows, as the ones that epoch 0 goes on from."""
        last = np.flatnonzero(self.epoch == self.epoch[-1])[-_REMEMBERED:]
        return Means(
            np.zeros(len(last), np.int64), self.seen[last], self.value[last], self.is_final[last], self.is_whole[last]
        )


class Undoing:
    """Undoes the averaging of one log, some epochs at a time."""

    def __init__(self) -> None:
        self._is_mean = True
        self._before: Means | None = None

    def undone(self, means: Means) -> FloatArray:
        """The value for each row; epoch 0 is the one that the rows of the call before ended in."""
        if not len(means):
            return means.value
        whole = means if self._before is None else self._before + means
        result = self._results(whole) if self._is_mean else whole.value
        self._before = whole.of_last_epoch()
        return result[len(whole) - len(means) :]

    @np.errstate(all="ignore")
    def _results(self, means: Means) -> FloatArray:
        epoch, value = means.epoch, means.value
        result = _between(epoch, means.seen, value)
        finite = np.isfinite(value)
        usable = means.is_whole & (~finite | (value > 0))
        bad = np.flatnonzero(usable & finite & ~means.is_final & (result < -2 * NOISE * value))
        first_bad = epoch[bad[0]] if len(bad) else epoch[-1] + 1
        self._is_mean = not len(bad)
        is_left = np.bincount(epoch[~usable], minlength=int(epoch[-1]) + 1) > 0
        is_left[first_bad:] = True
        as_shown = is_left[epoch] | ~np.isfinite(result)
        result[as_shown] = value[as_shown]
        misfit = means.is_final & ~_fits(epoch, value, result, means.is_final)
        result[misfit] = value[misfit]
        return result


def _between(epoch: IntArray, seen: IntArray, value: FloatArray) -> FloatArray:
    """The mean over the shortest stretch before each state that is not too noisy."""
    size = np.abs(value)
    rounding = np.where(size > 1e-3, 0.5e-4, 0.5e-4 * 10 ** np.floor(np.log10(size)))
    rounding = np.maximum(rounding, _SINGLE_PRECISION * size)
    # (n + k) * rounding / (n - k) <= NOISE * size, solved for k
    times = NOISE * size / rounding
    share = np.clip(np.nan_to_num((times - 1) / (times + 1)), 0, 1)
    most = np.minimum(np.floor(share * seen), seen - 1).astype(np.int64)
    at = np.searchsorted(epoch * _LONGEST + seen, epoch * _LONGEST + most, side="right") - 1
    known = (at >= 0) & (epoch[at] == epoch)
    begin = np.where(known, seen[at], 0)
    before = np.where(known, value[at], 0.0)
    return np.asarray((seen * value - begin * before) / (seen - begin), np.float64)


def _fits(epoch: IntArray, value: FloatArray, result: FloatArray, is_final: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the last result of an epoch is of the size of the others."""
    count = int(epoch[-1]) + 1
    highest = np.zeros(count)
    partial = np.flatnonzero(~is_final & np.isfinite(result))
    np.maximum.at(highest, epoch[partial], result[partial])
    np.maximum.at(highest, epoch, np.where(np.isfinite(value), value, 0.0))
    return np.asarray((result >= 0) & (result <= _MOST_ABOVE * highest[epoch]), np.bool_)
