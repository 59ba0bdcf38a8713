"""Which batch of the whole training a bar stands for.

The unit of steps is the batch, counted from 1 over all epochs: (epoch - 1) * batches of an epoch + batch.  Keras 1 and
early 2 count samples; the first state of such a bar shows one batch.  A bar that begins anew within an epoch is no
training: ``evaluate`` and ``predict`` draw bars too, without a header ``Epoch 3/7``.  (Keras 3 writes no header for a
training of one epoch; where a log has none at all, a bar that begins anew begins an epoch.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._rows import DRAWN, PLAIN, Bars, Headers, IntArray

__all__ = ["Dated", "Epochs", "Progress", "dated"]


@dataclass(frozen=True, slots=True)
class Progress:
    """The epoch that was going on when the rows read before ended.

    ``target`` and ``seen`` are as its last bar showed them (0: none yet); ``batch`` is how many of these units make one
    batch, ``steps`` how many batches the last known epoch had.  ``loops`` counts the epochs in a row that said
    ``Epoch 1/1``.  ``has_headers`` is True once a header was read.
    """

    epoch: int = 0
    target: int = 0
    seen: int = 0
    batch: int = 1
    steps: int = 0
    loops: int = 0
    has_headers: bool = False


@dataclass(frozen=True, slots=True)
class Epochs:
    """The epochs of some rows; item 0 is the one that goes on from earlier (it may have no rows).

    ``begins`` is the order of the header, ``line`` its line; ``number`` counts from 1, ``steps`` is how many batches an
    epoch has (0: unknown).  ``is_start`` marks the first epoch of a training.
    """

    begins: IntArray
    line: IntArray
    number: IntArray
    steps: IntArray
    is_start: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.begins)

    def at(self, order: int) -> int:
        """The epoch that a place in the log lies in."""
        return int(np.searchsorted(self.begins[1:], order, side="right"))

    def base(self, epoch: int) -> int:
        """How many batches there were before an epoch."""
        return int(max(self.number[epoch] - 1, 0) * self.steps[epoch])


@dataclass(frozen=True, slots=True)
class Dated:
    """Bars with their epoch (an index) and step.

    ``is_training`` is False for bars of an evaluation; ``is_final`` says that nothing is left of the epoch;
    ``is_whole`` that the count of the epoch is known from its first batch on.
    """

    epochs: Epochs
    epoch: IntArray
    step: IntArray
    is_training: NDArray[np.bool_]
    is_final: NDArray[np.bool_]
    is_whole: NDArray[np.bool_]
    progress: Progress


def dated(bars: Bars, headers: Headers, before: Progress, following: int = 0) -> Dated:
    """Date consecutive rows of a log; ``before`` is the progress of the rows ahead of them.

    ``following`` is the epoch whose header comes next; 0 where there is none, or it is not known yet.
    """
    real = len(headers)
    headers, is_start = _numbered(headers, before)
    headers, is_start = _with_missing(bars, headers, is_start, before, following)
    number = np.concatenate(([before.epoch], headers.epoch))
    epoch = np.searchsorted(headers.order, bars.order, side="right")

    rows = _Rows(bars, epoch, len(number), before)
    is_training = rows.fits & (_laps(bars, epoch, rows.fits, before) == 0)
    batch, is_whole = _batches(rows, is_training, before)
    steps = _steps(rows, is_training, batch, before)
    counted = -(-bars.seen // batch[epoch])
    step = np.maximum(number[epoch] - 1, 0) * steps[epoch] + counted

    epochs = Epochs(
        np.concatenate(([-1], headers.order)),
        np.concatenate(([0], headers.line)),
        number,
        steps,
        np.concatenate(([False], is_start)),
    )
    progress = _progress(rows, is_training, epochs, batch, before)
    if real:
        progress = replace(progress, has_headers=True, loops=int(_loops(headers, before)[-1]))
    is_final = (bars.seen >= np.maximum(bars.target, 1)) & (bars.target > 0) | (bars.kind == PLAIN)
    return Dated(epochs, epoch, step, is_training, is_final, is_whole[epoch], progress)


class _Rows:
    """Bars and their epochs, with the first bar and the target of each epoch."""

    def __init__(self, bars: Bars, epoch: IntArray, count: int, before: Progress) -> None:
        self.bars, self.epoch, self.count = bars, epoch, count
        self.first = np.searchsorted(epoch, np.arange(count))
        self.has_rows = self.first < np.searchsorted(epoch, np.arange(count), side="right")
        target = np.zeros(count, np.int64)
        target[self.has_rows] = bars.target[self.first[self.has_rows]]
        if before.seen:
            target[0] = before.target
        #: As the first bar of each epoch shows it; 0 for a data set of unknown length.
        self.target = target
        is_unknown = (target[epoch] == 0) & (bars.target == bars.seen)
        self.fits = (bars.target == target[epoch]) | is_unknown


def _loops(headers: Headers, before: Progress) -> IntArray:
    """How many headers in a row, up to each, said ``Epoch 1/1``: somebody calls ``fit`` for each epoch."""
    is_loop = headers.epochs == 1
    index = np.arange(len(headers))
    last_other = np.maximum.accumulate(np.where(is_loop, -1, index))
    return np.where(is_loop, index - last_other + np.where(last_other < 0, before.loops, 0), 0)


def _numbered(headers: Headers, before: Progress) -> tuple[Headers, NDArray[np.bool_]]:
    """The headers with epochs that count on over fits of one epoch, and which begin a training."""
    loops = _loops(headers, before)
    number = np.where(loops > 1, loops, headers.epoch)
    previous = np.concatenate(([before.epoch], number))[:-1]
    is_start = (number <= previous) | (number == 1)
    return replace(headers, epoch=number), is_start


def _with_missing(
    bars: Bars, headers: Headers, is_start: NDArray[np.bool_], before: Progress, following: int
) -> tuple[Headers, NDArray[np.bool_]]:
    """Headers for the bars ahead of the first header of a log, where it has none."""
    if before.has_headers or not len(bars):
        return headers, is_start
    count = int(np.searchsorted(bars.order, headers.order[0])) if len(headers) else len(bars)
    ahead = bars[:count]
    if not count:
        return headers, is_start
    fits = np.flatnonzero(ahead.target == (before.target if before.seen else ahead.target[0]))
    seen = ahead.seen[fits]
    previous = np.concatenate(([before.seen], seen))[:-1]
    again = fits[(seen < previous) | (seen == previous) & (ahead.kind[fits] == PLAIN)]
    begins = again if before.seen else np.union1d(fits[:1], again)
    number = before.epoch + 1 + np.arange(len(begins))
    following = int(headers.epoch[0]) if len(headers) else following
    if following:
        begins, number = begins[:1], np.maximum(number[:1], following - 1)
    added = Headers(ahead.order[begins], ahead.line[begins], number, np.zeros(len(begins), np.int64))
    starts = (number == 1) & ((ahead.seen[begins] == 1) | (ahead.kind[begins] == PLAIN))
    return added + headers, np.concatenate((starts, is_start))


def _laps(bars: Bars, epoch: IntArray, fits: NDArray[np.bool_], before: Progress) -> IntArray:
    """How often the count has begun anew within the epoch, up to each row."""
    rows = np.flatnonzero(fits)
    lap = np.zeros(len(bars), np.int64)
    if not len(rows):
        return lap
    seen, of = bars.seen[rows], epoch[rows]
    previous = np.concatenate(([before.seen], seen[:-1]))
    goes_on = np.concatenate(([0], of[:-1])) == of
    again = goes_on & ((seen < previous) | (seen == previous) & (bars.kind[rows] == PLAIN))
    total = np.cumsum(again)
    first = np.searchsorted(of, of)
    lap[rows] = total - total[first] + again[first]
    return lap


def _batches(rows: _Rows, is_training: NDArray[np.bool_], before: Progress) -> tuple[IntArray, NDArray[np.bool_]]:
    """How many units of the bar make a batch, for each epoch, and whether the bar is known from its first batch on.

    A bar that counts samples begins with the samples of one batch, and all later counts but the last are multiples.
    """
    bars, epoch = rows.bars, rows.epoch
    begun = np.ones(rows.count, np.int64)
    begun[rows.has_rows] = np.maximum(bars.seen[rows.first[rows.has_rows]], 1)
    partial = np.flatnonzero(is_training & ((bars.seen < bars.target) | (bars.target == 0)))
    of = epoch[partial]
    shown = np.bincount(of, minlength=rows.count)
    odd = np.bincount(of[bars.seen[partial] % begun[of] != 0], minlength=rows.count)
    is_drawn = np.zeros(rows.count, np.bool_)
    is_drawn[rows.has_rows] = bars.kind[rows.first[rows.has_rows]] == DRAWN
    power_of_two = begun & (begun - 1) == 0
    sure = is_drawn & (odd == 0) & ((shown > 1) | (shown == 1) & power_of_two)
    sure[0] = False
    batch = np.where(sure, begun, 0)
    batch[0] = before.batch
    # an epoch that does not tell is like the one before it
    told = np.maximum.accumulate(np.where(batch > 0, np.arange(rows.count), 0))
    batch = batch[told]
    batch[~is_drawn & rows.has_rows] = 1
    is_whole = begun == batch
    is_whole[0] = bool(before.seen)
    return batch, is_whole


def _steps(rows: _Rows, is_training: NDArray[np.bool_], batch: IntArray, before: Progress) -> IntArray:
    """How many batches each epoch has; where the bar does not tell, as many as the one before."""
    longest = np.zeros(rows.count, np.int64)
    kept = np.flatnonzero(is_training)
    np.maximum.at(longest, rows.epoch[kept], rows.bars.seen[kept])
    steps = -(-np.where(rows.target > 0, rows.target, longest) // batch)
    if not steps[0]:
        steps[0] = before.steps
    told = np.maximum.accumulate(np.where(steps > 0, np.arange(rows.count), 0))
    return np.asarray(steps[told], np.int64)


def _progress(
    rows: _Rows, is_training: NDArray[np.bool_], epochs: Epochs, batch: IntArray, before: Progress
) -> Progress:
    last = len(epochs) - 1
    target, seen = (before.target, before.seen) if last == 0 else (0, 0)
    kept = np.flatnonzero(is_training & (rows.epoch == last))
    if len(kept):
        target, seen = int(rows.target[last]), int(rows.bars.seen[kept[-1]])
    return Progress(
        epoch=int(epochs.number[last]),
        target=target,
        seen=seen,
        batch=int(batch[last]),
        steps=int(epochs.steps[last]),
        loops=before.loops,
        has_headers=before.has_headers,
    )
