"""A loss that is not written although its steps are: trackers and JSON have no word for NaN.

Strict JSON has none, pandas writes an empty cell, many a script leaves out what is not finite, and a tracker's chart
shows a gap.  A loss that stood beside the rate or the gradient norm in every row, and in some rows does not, was
hardly a number there.  A rate that is 0 in every row of a schedule that warms up is such a gap, too: where the loss
scaler skips every update the schedule never advances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, FirstBad, IntArray, MarkKind, Phase, Run, Series
from nanlog.onset._first import is_evaluation

__all__ = ["Gap", "missing_loss", "rate_never_left_zero"]

#: What is logged for an update, beside its loss.
_BESIDE = ("lr", "grad_norm", "loss_scale", "param_norm")
#: So many rows in a row must have had a loss before it is missed: three rows may end by chance, twenty do not.
_BEFORE = 20
#: So many rows without it, to the end of the log, are no closing summary; so many in between no lost line.
_TO_THE_END = 5
_BETWEEN = 2
#: A loss that is left out more often is left out on purpose.
_MOST_GAPS = 3
#: A warm-up leaves 0 with its first update; so many rows of 0 are no rounding of one row.
_ROWS_OF_ZERO = 5
#: Frameworks that write the rate with all its digits: their 0 is no rounded 1e-5.
_IN_FULL = ("transformers",)


@dataclass(frozen=True, slots=True)
class Gap:
    """The first row in which the loss is missing; where it comes back, if it does; and what that means."""

    first: FirstBad
    recovered_step: int | None
    what: str


def missing_loss(run: Run, loss: Series) -> Gap | None:
    """Rows without a loss where every row before had one; None where the log leaves it out for another reason."""
    if not len(loss) or any(not np.isfinite(series.value).all() for series in run.table.values()):
        return None  # the writer has a word for NaN
    found = (_missing_beside(run, loss, beside) for name, beside in run.table.items() if _is_beside(name))
    return min(filter(None, found), key=lambda gap: gap.first.line, default=None)


def _is_beside(name: str) -> bool:
    return name in _BESIDE or name.startswith("lr/")


def _missing_beside(run: Run, loss: Series, beside: Series) -> Gap | None:
    """The first gap of the loss among the rows that have ``beside``, in the file that holds both."""
    rows = beside.where((beside.file == loss.file[-1]) & (beside.step != NO_STEP))
    has = np.isin(rows.step, loss.step)
    where = np.flatnonzero(~has)
    begin = int(np.argmax(has)) if has.any() else len(has)
    where = where[where > begin]
    if not len(where) or int(where[0]) - begin < _BEFORE:
        return None
    gaps = np.split(where, np.flatnonzero(np.diff(where) > 1) + 1)
    first = gaps[0]
    ends = int(first[-1]) == len(rows) - 1
    if len(gaps) > _MOST_GAPS or len(first) < (_TO_THE_END if ends else _BETWEEN):
        return None
    if _says_something_else(run, rows.step[first], loss):
        return None
    index = int(first[0])
    missing = FirstBad(
        loss.name,
        int(rows.step[index]),
        np.nan,
        run.files[int(rows.file[index])],
        int(rows.line[index]),
        phase=Phase.FORWARD,
    )
    what = "NaN (JSON, tables and trackers have no word for it)"
    return Gap(missing, None if ends else int(rows.step[int(first[-1]) + 1]), what)


def _says_something_else(run: Run, steps: IntArray, loss: Series) -> bool:
    """Whether the rows without the loss hold an evaluation, or a loss of another name."""
    for name, series in run.table.items():
        other_loss = series is not loss and "loss" in series.info.original.lower() and name != "loss_scale"
        if (is_evaluation(name) or other_loss) and np.isin(series.step, steps).any():
            return True
    return False


def rate_never_left_zero(run: Run, loss: Series) -> Gap | None:
    """The rate is exactly 0 at every logged step: no update was made, so the schedule did not advance.

    Only where something says that updates are skipped, or where the framework writes every digit of a rate.
    """
    rate = run.series("lr")
    if rate is None or len(rate) < _ROWS_OF_ZERO or rate.value.any() or not _trains_in_halves(run):
        return None
    later = np.flatnonzero(rate.step > 0)
    if len(later) < _ROWS_OF_ZERO or not _stands_still(loss):
        return None
    index = int(later[0])
    first = FirstBad(
        "lr", int(rate.step[index]), 0.0, run.files[int(rate.file[index])], int(rate.line[index]), phase=Phase.LR
    )
    what = "skipped updates (the schedule advances with an update alone)"
    return Gap(first, None, what)


def _trains_in_halves(run: Run) -> bool:
    """Whether there is a loss scaler that can skip updates, as far as the log tells."""
    if run.series("loss_scale") is not None or any(mark.kind is MarkKind.SKIPPED_STEP for mark in run.marks):
        return True
    framework = run.fact("framework")
    return framework is not None and str(framework.value).split()[0] in _IN_FULL


def _stands_still(loss: Series) -> bool:
    """No trend: the two halves of the loss differ by less than it scatters."""
    half = len(loss) // 2
    if half < 2 or not np.isfinite(loss.value).all():
        return False
    one, other = loss.value[:half], loss.value[half:]
    return bool(abs(np.median(one) - np.median(other)) <= max(_spread(one), _spread(other)))


def _spread(values: NDArray[np.float64]) -> float:
    return float(np.ptp(values))
