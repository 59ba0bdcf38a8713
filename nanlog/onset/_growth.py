"""Growth: where a series left its normal range, and whether it ever came back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanlog.model import FloatArray

#: A point counts as grown when it lies this many widths of the normal range above it.  A loss that doubles by
#: chance is common (small batches), one that leaves by three robust widths and twice its level is not.
_WIDTHS = 3.0
#: Growth seen in one logged point only must exceed all calm points by this many times the normal scale: a log that
#: prints every n-th step shows little more than the last moment of an exponential.
_SINGLE = 5.0
#: A finite loss counts as diverged from ten times its calm maximum on.  (Megatron-LM calls ten times the maximum of the
#: first hundred steps a spike.)
_DIVERGED = 10.0
#: Some objectives begin at 0 by construction (the divergence from a reference, a student that is its own teacher,
#: values before there was a reward) and rise by any factor; what has blown up does not stay below the loss of a coin
#: toss.
_LEAST = 1.0
#: What blows up does so within this many logged points of the start; and stays above its start by that factor.
_SOON = 3
#: A contrastive loss over a queue begins near 0 and rises to ln(queue) for good reasons; ln(3 million) is 15.
_NO_GUESS = 15.0
_NEVER_BACK = 2.5
#: Under an absurd rate a smaller rise is enough, if it lasts: so many points in a row (or one in twenty of all) lie
#: above twice the first value, some of them above three times.  Losses of single samples reach further, but do not
#: stay there.
_TRIPLED = 3.0
_SOME = 5
_DOUBLED = 2.0
#: ... unless the last quarter of the log is below this share of the first value: then it recovered (another task, a
#: rate that was taken back in time).
_RECOVERED = 0.25
_LASTING = 7
#: Growth over several points counts from twice the largest value seen while the series was calm.
_SEVERAL = 2.0


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth up to the end of an array of finite values.

    ``start`` is the index of the first point after which the series never came back to its normal range;
    ``level`` the normal level, ``peak`` the largest value from ``start`` on, both in the unit of the series;
    ``times`` says by how many times the normal scale the peak exceeds the normal level.
    """

    start: int
    points: int
    level: float
    scale: float
    peak: float

    @property
    def times(self) -> float:
        return (self.peak - self.level) / self.scale


def _normal_range(values: FloatArray) -> tuple[float, float, float]:
    """Level, width and scale of the calm part: the lower half of the values, which growth does not reach.

    The width is the robust spread of that half (1.4826 MAD, the standard deviation of a normal distribution); the
    scale is what "times larger" refers to: the level, or the width where the level is near zero or negative.
    """
    lower = np.sort(values)[: max(1, len(values) // 2)]
    level = float(np.median(lower))
    width = 1.4826 * float(np.median(np.abs(lower - level)))
    scale = max(abs(level), _WIDTHS * width, float(np.finfo(np.float32).tiny))
    return level, width, scale


@np.errstate(over="ignore", invalid="ignore")
def growth_to_end(values: FloatArray) -> Growth | None:
    """Growth that lasts until the end of ``values`` (finite, in logged order); None when the end is calm.

    The series is followed backwards from its end to the last point that was still normal, so that a spike which
    recovered, or a loss that fell from a high start, does not count.

    >>> growth_to_end(np.array([2.3, 2.2, 2.4, 2.1, 9.0, 80.0])).start
    4
    >>> growth_to_end(np.array([80.0, 9.0, 2.3, 2.2, 2.4, 2.1])) is None
    True
    """
    found = _growth_once(values)
    # A growth over most of the log takes its own beginning for normal: it is followed back to where it really began.
    while found is not None and (earlier := _growth_once(values[: found.start])) is not None:
        found = Growth(earlier.start, len(values) - earlier.start, earlier.level, earlier.scale, found.peak)
    return found


def _growth_once(values: FloatArray) -> Growth | None:
    if len(values) < 2:
        return None
    level, width, scale = _normal_range(values)
    ceiling = level + max(_WIDTHS * width, scale)
    calm = np.flatnonzero(values <= ceiling)
    start = int(calm[-1]) + 1 if len(calm) else 0
    grown = values[start:]
    if not len(grown):
        return None
    return _judged(values, start, level, scale)


def _judged(values: FloatArray, start: int, level: float, scale: float) -> Growth | None:
    grown = values[start:]
    growth = Growth(start, len(grown), level, scale, float(grown.max()))
    # The start of a training is often high; only what came after its first quarter says how far calm values reach.
    settled = values[len(values[:start]) // 4 : start]
    reached = float(settled.max()) if len(settled) else level
    factor = _SINGLE if growth.points == 1 else _SEVERAL
    return growth if growth.peak > reached + factor * scale else None


def stays_diverged(values: FloatArray, chance: float | None = None, driven: bool = False) -> Growth | None:
    """Growth to at least ten times the calm maximum that is not undone by the end of the log; None where there is none.

    ``values`` are finite; at least four are needed to tell a lasting rise from a spike.  ``chance`` is the loss of
    guessing (ln of the number of classes), where it is known: a cross-entropy that ends above twice of it, having begun
    near it, has diverged, whatever its ratio to the first value.  Without it, losses that rise for good reasons
    (annealed terms, adversaries) and batches of one, whose losses scatter over decades, must stay below the threshold.
    ``driven`` says that the learning rate exploded: then a single last point is no spike.
    """
    if len(values) < 4:
        return None
    end = float(np.median(values[-max(2, len(values) // 4) :]))
    if chance is not None and float(values[0]) <= 2.0 * chance < end:
        return _since(values, 2.0 * chance, chance)
    growth = growth_to_end(values)
    if growth is not None and (growth.points > 1 or driven):
        reached = max(abs(float(values[0])), float(np.abs(values[: growth.start]).max(initial=0.0)))
        if float(np.median(values[-min(2, growth.points) :])) > max(_DIVERGED * reached, _LEAST):
            return growth
    return _blown_up_at_once(values, end)


def _blown_up_at_once(values: FloatArray, end: float) -> Growth | None:
    """A positive loss that rose tenfold within the first logged points and never came back near where it began.

    Losses that rise for good reasons rise slowly.
    """
    first = float(values[0])
    if first <= 0:
        return None
    soon = values[1 : 2 + max(_SOON, len(values) // 20)]
    risen = np.flatnonzero(soon > max(_DIVERGED * first, _NO_GUESS))
    if not len(risen):
        return None
    later = values[int(risen[0]) + 1 :]
    if len(later) < 3 or min(float(later.min()), end) <= _NEVER_BACK * first:
        return None
    return _since(values, _NEVER_BACK * first, first)


def driven_off(values: FloatArray) -> Growth | None:
    """A rise to three times the first value that lasts for some points, under a rate that is absurd.

    What such a rate blew up may fall again as the schedule takes it back.
    """
    first = float(values[0]) if len(values) else 0.0
    if first <= 0 or len(values) <= _LASTING:
        return None
    if float(np.median(values[-max(2, len(values) // 4) :])) < _RECOVERED * first:
        return None
    low = np.flatnonzero(np.concatenate((values <= _DOUBLED * first, [True])))
    long = np.flatnonzero(np.diff(low) > max(_LASTING, len(values) // 20))
    high = values > max(_TRIPLED * first, _LEAST)
    if not any(np.count_nonzero(high[low[k] : low[k + 1]]) >= _SOME for k in long):
        return None
    return _since(values, _TRIPLED * first, first)


def _since(values: FloatArray, ceiling: float, level: float) -> Growth:
    start = int(np.argmax(values > ceiling))
    return Growth(start, len(values) - start, level, abs(level), float(values[start:].max()))
