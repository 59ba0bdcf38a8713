"""Finds the steps that the Trainer does not print.

A printed dict names only its epoch, at times rounded to two decimals.  The training rows come every ``logging_steps``
steps, so the k-th belongs to step k * logging_steps; how many that are is told by the progress bar behind the rows, by
the messages at the start, by the totals at the end, or, if by nothing else, by the epochs themselves: 0.2128, 0.4255,
0.6383 are 10/47, 20/47, 30/47.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP

__all__ = ["Clues", "Dated", "Rows", "dated"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_STEPS_PER_EPOCH = 200_000
#: So many rows are tried when only the epochs tell the steps.
_TRIED = 64
#: Share of the rows that must agree with what a progress bar shows: it may be written late or early.
_AGREE = 0.9
#: Neither a step nor logging_steps is larger: their product is an integer of 64 bits.
_MOST = 2.0**31
#: A smaller part of an epoch is none.
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one training in the order printed.

    ``epoch`` is NaN where a row has none; ``rounding`` is how far it may lie from the truth; ``bar`` is the counter of
    the training's progress bar when it was next drawn, -1 where it was not drawn before the next row.
    """

    epoch: FloatArray
    rounding: FloatArray
    is_training: NDArray[np.bool_]
    bar: IntArray


@dataclass(slots=True)
class Clues:
    """What the log says elsewhere; None where it does not."""

    logging_steps: int | None = None
    steps_per_epoch: float | None = None
    max_steps: int | None = None  #: the last step planned
    at_end: tuple[float, float] | None = None  #: between which the last step lies, by the totals of a finished training
    final_epoch: float | None = None  #: that of the totals


@dataclass(frozen=True, slots=True)
class Dated:
    """``step`` of each row; ``logging_steps`` and ``steps_per_epoch`` as far as they could be found.

    Where nothing tells them, steps are those of the shortest training that would print these epochs.
    """

    step: IntArray
    logging_steps: int | None = None
    steps_per_epoch: float | None = None


def dated(rows: Rows, clues: Clues) -> Dated:
    """Give each row its step."""
    train = np.flatnonzero(rows.is_training)
    if not len(train):
        return _without_training(rows, clues)
    epoch, rounding = rows.epoch[train], rows.rounding[train]
    if not np.isfinite(epoch).all():
        every = min(clues.logging_steps or 1, int(_MOST))
        return Dated(_evaluations(rows, train, every * np.arange(1, len(train) + 1), None), clues.logging_steps)
    known = _steps_per_epoch(rows, train, clues)
    first = _is_first_step_logged(epoch, rounding)
    if known is None and first:
        known = 1 / float(epoch[0])
    per_epoch = known or _by_the_epochs(epoch, rounding)
    each = _increment(epoch, rounding, first)
    every = _nearest(clues.logging_steps or (per_epoch * each if per_epoch is not None else 1))
    step = _up_to_the_end(_counted(epoch, rounding, each, every, first), every, epoch, rounding, clues)
    bar = rows.bar[train]
    if per_epoch is not None and _agrees(bar, epoch, rounding, per_epoch):
        step = np.where(bar >= 0, bar, step)
    if per_epoch is None and epoch[-1] > _LEAST:
        per_epoch = float(step[-1] / epoch[-1])
    step = _evaluations(rows, train, step, per_epoch)
    return Dated(step) if known is None else Dated(step, every, per_epoch)


def _without_training(rows: Rows, clues: Clues) -> Dated:
    step = np.full(len(rows.epoch), NO_STEP, np.int64)
    per_epoch = clues.steps_per_epoch
    if per_epoch is not None:
        known = np.isfinite(rows.epoch)
        step[known] = np.round(np.minimum(rows.epoch[known] * per_epoch, _MOST * _MOST / 2)).astype(np.int64)
    return Dated(np.where(rows.bar >= 0, rows.bar, step), None, per_epoch)


def _steps_per_epoch(rows: Rows, train: IntArray, clues: Clues) -> float | None:
    """From the surest witness there is."""
    if clues.steps_per_epoch is not None:
        return clues.steps_per_epoch
    epoch, rounding, bar = rows.epoch[train], rows.rounding[train], rows.bar[train]
    shown = np.flatnonzero((bar > 0) & (epoch > _LEAST))
    if len(shown):
        last = shown[-1]
        found = float(bar[last] / epoch[last])
        if _agrees(bar, epoch, rounding, found):
            return found
    each = _increment(epoch, rounding, _is_first_step_logged(epoch, rounding))
    if clues.logging_steps is not None and each > _LEAST:
        return clues.logging_steps / each
    return _by_the_end(epoch, rounding, each, clues)


def _agrees(bar: IntArray, epoch: FloatArray, rounding: FloatArray, per_epoch: float) -> bool:
    """Whether the counters of the bar belong to the rows they follow, and were not written at some other time."""
    shown = bar >= 0
    if not shown.any() or shown.sum() < _AGREE * len(bar) - 1:
        return False
    counters = bar[shown]
    off = np.abs(epoch[shown] * per_epoch - counters) > 1.5 + 2 * rounding[shown] * per_epoch + 0.01 * counters
    return bool((np.diff(counters) > 0).all() and off.mean() <= 1 - _AGREE)


def _by_the_end(epoch: FloatArray, rounding: FloatArray, each: float, clues: Clues) -> float | None:
    """The last step over the last epoch, as long as whole numbers of steps come out; None for one ended early."""
    last, width = _last_step(clues)
    if last is None:
        return None
    span = float(epoch[-1] - epoch[0]) or float(epoch[-1])
    if clues.final_epoch is not None and _LEAST < clues.final_epoch < _MOST and span > _LEAST:
        found = last / clues.final_epoch
        error = rounding[-1] / clues.final_epoch + (rounding[0] + rounding[-1]) / span + width / last
        if _is_whole(found * each, found * each * error):
            return found
    return None


def _by_the_epochs(epoch: FloatArray, rounding: FloatArray) -> float | None:
    """The least number of steps per epoch with which all rows are whole steps; a multiple of it may be true."""
    some = _some(len(epoch))
    tried, slack = epoch[some], rounding[some] + 1e-9
    most = int(min(_MOST_STEPS_PER_EPOCH, 0.2 / float(slack.max())))
    for begin in range(1, most, 4096):
        candidates = np.arange(begin, min(begin + 4096, most))
        steps = candidates[:, None] * tried
        fits = (np.abs(steps - np.round(steps)) <= candidates[:, None] * slack).all(axis=1)
        fits &= np.round(candidates * tried[0]) >= 1
        if fits.any():
            return float(candidates[int(np.argmax(fits))])
    return None


def _some(count: int) -> IntArray:
    """A few of so many rows, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, _TRIED).astype(np.int64))


def _is_first_step_logged(epoch: FloatArray, rounding: FloatArray) -> bool:
    """Whether ``logging_first_step`` put a row of step 1 before the regular ones."""
    if len(epoch) < 3:
        return False
    each = _increment(epoch[1:], rounding[1:], first=False)
    exact = max(rounding[:3]) < each / 8
    return bool(exact and _LEAST < epoch[0] < 0.75 * each and abs(epoch[1] - each) < 0.25 * each)


def _places(epoch: FloatArray, rounding: FloatArray) -> IntArray:
    """The place of each row behind the first, counted in rows: one more each time, unless some are missing."""
    steps = np.ones(max(len(epoch) - 1, 0), np.int64)
    apart = np.diff(epoch)
    usual = float(np.median(apart)) if len(apart) else 0.0
    if usual > 8 * float(rounding.max()):  # exact enough to tell
        steps = np.round(np.clip(apart / usual, 1, _MOST)).astype(np.int64)
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(steps)))


def _increment(epoch: FloatArray, rounding: FloatArray, first: bool) -> float:
    """The epochs from one row to the next."""
    if first:
        return _increment(epoch[1:], rounding[1:], first=False)
    last = int(_places(epoch, rounding)[-1])
    each = float(epoch[-1] - epoch[0]) / last if last else float(epoch[0])
    begin = max(1, round(float(epoch[0]) / each)) if each > _LEAST else 1
    # the k-th row lies k increments from 0, which has no rounding error; far from the beginning k may be wrong by one
    return float(epoch[-1]) / (begin + last) if begin <= len(epoch) else each


def _counted(epoch: FloatArray, rounding: FloatArray, each: float, every: int, first: bool) -> IntArray:
    """k-th row, k-th multiple of ``every``; a training that was resumed does not begin at the first."""
    if first:
        return np.concatenate(([1], _counted(epoch[1:], rounding[1:], each, every, first=False)))
    begin = max(1, round(min(float(epoch[0]) / each, _MOST))) if each > _LEAST else 1
    return every * np.minimum(begin + _places(epoch, rounding), int(_MOST))


def _up_to_the_end(step: IntArray, every: int, epoch: FloatArray, rounding: FloatArray, clues: Clues) -> IntArray:
    """Where the beginning of the log is missing, the last row of a finished training is the surer one to count from."""
    last, _ = _last_step(clues)
    if last is None or clues.final_epoch is None or abs(clues.final_epoch - epoch[-1]) > rounding[-1]:
        return step
    shift = round(last) - int(step[-1])
    return step + shift if shift % every == 0 and abs(shift) <= 2 * every else step


def _last_step(clues: Clues) -> tuple[float | None, float]:
    """The last step planned, and how far it may be from the truth."""
    if clues.max_steps is not None:
        return float(clues.max_steps), 0.0
    if clues.at_end is None:
        return None, 0.0
    lowest, highest = clues.at_end
    return _roundest(lowest, highest), highest - lowest


def _evaluations(rows: Rows, train: IntArray, step: IntArray, per_epoch: float | None) -> IntArray:
    """The steps of all rows: evaluations lie among the training rows."""
    found = np.full(len(rows.epoch), NO_STEP, np.int64)
    found[train] = step
    for row in np.flatnonzero(~rows.is_training).tolist():
        before = int(np.searchsorted(train, row))
        last = train[before - 1] if before else None
        epoch = rows.epoch[row]
        if last is not None and (math.isnan(epoch) or abs(epoch - rows.epoch[last]) <= rows.rounding[row] + 1e-9):
            found[row] = found[last]
        elif per_epoch is not None and math.isfinite(epoch):
            found[row] = round(min(epoch * per_epoch, _MOST * _MOST / 2))
        elif last is not None:
            found[row] = found[last]
        elif math.isnan(epoch):
            found[row] = 0  # an evaluation before the training
    return found


def _nearest(steps: float) -> int:
    return max(1, round(min(steps, _MOST)))


def _is_whole(value: float, slack: float) -> bool:
    return abs(value - round(value)) <= max(slack, 1e-6) and round(value) >= 1


def _roundest(lowest: float, highest: float) -> float:
    """The number between the two with the most zeros at its end."""
    for unit in _units():
        candidate = math.ceil(lowest / unit) * unit
        if candidate <= highest:
            return float(candidate)
    return (lowest + highest) / 2


def _units() -> Iterator[int]:
    for power in range(9, -1, -1):
        yield 10**power
        if power:
            yield 5 * 10 ** (power - 1)
