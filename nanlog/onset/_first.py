"""The first bad point of every series, in causal order."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, FirstBad, IntArray, MarkKind, Run, Series, Stage

#: Sorts points that nothing dates behind all dated ones; their line keeps them apart.
_UNDATED = np.iinfo(np.int64).max


def non_finite(series: Series) -> NDArray[np.bool_]:
    """Mask of the points that are not finite; in ``nonfinite/...`` every share above zero says so."""
    if base_name(series.name).startswith("nonfinite/"):
        return np.asarray(series.value != 0, np.bool_)
    return np.asarray(~np.isfinite(series.value), np.bool_)


def base_name(name: str) -> str:
    """The name without the ``val/``, ``val1/`` ... of an evaluation set and the ``rank3/`` of a rank."""
    head, _, rest = name.partition("/")
    if rest and head.startswith("rank") and head[4:].isdigit():
        return base_name(rest)
    evaluation = head == "val" or (head.startswith("val") and head[3:].isdigit())
    return rest if rest and evaluation else name


def is_evaluation(name: str) -> bool:
    """True for what was measured on an evaluation set."""
    return name.startswith("val") and base_name(name) != name


#: Not finite by themselves: a ratio divides by a parameter that may be 0, and the spread of a single element is 0/0.
_UNTELLING = re.compile(r"update_ratio|(?:grad|param|update|activation)_(?:std|var)")

#: In a metric's name: not the value of a loss but the best of them, its change, or its factor.
_ABOUT_A_LOSS = ("best", "min", "delta", "improve", "weight", "coef", "scale", "ratio", "time")


def is_loss_like(name: str) -> bool:
    """True for a metric that is a loss with weight 0: its NaN means that a computation of the net went wrong.

    A NaN in any other metric is usually 0/0 over an absent class and does no harm (accuracy, IoU, AUC); the best loss
    so far is inf before there is one.
    """
    base = base_name(name)
    last = base.rpartition("/")[2].lower()
    return base.startswith("metric/") and "loss" in last and not any(word in last for word in _ABOUT_A_LOSS)


def matters(name: str) -> bool:
    """Whether a non-finite value in the series is a failure by itself.

    Metrics have harmless NaN of their own.  A running average counts: it shows a NaN between two logged steps that the
    unsmoothed loss, printed for those steps alone, never shows.  The norm that made clipping act does not: its line
    names no step (it is counted from the last display), and clipping may zero what was infinite.  Ratios and spreads do
    not: they may be 0/0 in a healthy training.
    """
    base = base_name(name)
    if base == "clip_norm" or _UNTELLING.fullmatch(base.partition("/")[0]):
        return False
    return is_loss_like(name) if base.startswith("metric/") else True


def causal_key(series: Series, index: int) -> tuple[int, int, int, int]:
    """Sort key of a point: step, then the place in the step where its value arises, then the line."""
    step = int(series.step[index])
    info = series.info
    return (_UNDATED if step == NO_STEP else step, int(info.stage), info.rank, int(series.line[index]))


def point(run: Run, series: Series, index: int) -> FirstBad:
    """Point ``index`` of ``series`` as a :class:`FirstBad`."""
    step, value, info = int(series.step[index]), float(series.value[index]), series.info
    return FirstBad(
        series=info.name,
        step=None if step == NO_STEP else step,
        value=value,
        file=run.files[int(series.file[index])],
        line=int(series.line[index]),
        layer=info.layer,
        phase=info.phase,
        overflow_only=info.statistic and bool(np.isinf(value)) and not _turns_nan(series, index),
    )


def _turns_nan(series: Series, index: int) -> bool:
    """Whether a NaN follows in the next three points: an overflow of the values, not of their statistic alone."""
    return bool(np.isnan(series.value[index : index + 4]).any())


#: Steps of one series pass this many times as fast as those of another: they do not count the same thing.
_OTHER_UNIT = 3.0


def _key(run: Run, series: Series, index: int) -> tuple[int, int, int, int]:
    """The causal key, with the step of the training loss at that time where the series counts in another unit.

    TensorBoard's files date every point by the clock, so that both can be put on one axis.
    """
    key, main = causal_key(series, index), main_loss(run)
    if main is None or key[0] == _UNDATED or not counts_otherwise(series, main):
        return key
    return (int(steps_of_clock(series.where(slice(index, index + 1)), main)[0]), *key[1:])


def counts_otherwise(series: Series, clock: Series) -> bool:
    """Whether the steps of ``series`` are another unit than those of ``clock``; False where no times tell."""
    own, other = _pace(series), _pace(clock)
    return own is not None and other is not None and not 1 / _OTHER_UNIT <= own / other <= _OTHER_UNIT


def steps_of_clock(series: Series, clock: Series) -> IntArray:
    """For each point of ``series`` the step of ``clock`` at its time; both must have times."""
    assert series.time is not None and clock.time is not None  # noqa: S101
    at = np.searchsorted(clock.time, series.time, side="right") - 1
    return clock.step[np.maximum(at, 0)]


def _pace(series: Series) -> float | None:
    """Steps in a second, over the whole series; None where that is not to be known."""
    if len(series) < 2 or series.time is None:
        return None
    seconds = float(series.time[-1] - series.time[0])
    steps = int(series.step[-1] - series.step[0])
    return steps / seconds if seconds > 0 and steps > 0 else None


#: The series of a :class:`FirstBad` that a message of the framework tells of, not a number.
MESSAGE = "message"


def first_bad(run: Run) -> tuple[FirstBad, ...]:
    """First bad point of every series that matters, in causal order; the first is the onset.

    Order within a step follows :class:`nanlog.model.Stage`, then the rank of the series, then the line.  A message that
    says "the loss of this batch is invalid" counts like a point.
    """
    found: list[tuple[tuple[int, int, int, int], FirstBad]] = []
    for series in run.table.values():
        if not matters(series.name) or _is_empty_evaluation(run, series) or _is_no_part_of_the_loss(run, series):
            continue
        where = np.flatnonzero(non_finite(series))
        if len(where):
            index = int(where[0])
            found.append((_key(run, series, index), point(run, series, index)))
    said = _first_message(run)
    if said is not None:
        step = _UNDATED if said.step is None else said.step
        found.append(((step, int(Stage.SUMMARY), 0, said.line), said))
    found.sort(key=lambda entry: entry[0])
    return tuple(first for _, first in found)


def _first_message(run: Run) -> FirstBad | None:
    """The first message that reports a non-finite value; a check inside the net has series of its own."""
    said = [mark for mark in run.marks if mark.kind is MarkKind.NONFINITE and mark.layer is None]
    if not said:
        return None
    first = min(said, key=lambda mark: _UNDATED if mark.step is None else mark.step)
    return FirstBad(MESSAGE, first.step, np.nan, first.file, first.line, phase=first.phase)


def _is_empty_evaluation(run: Run, series: Series) -> bool:
    """An evaluation set of size 0: every number measured on it is 0/0, from the first time on."""
    if not is_evaluation(series.name):
        return False
    head = series.name.partition("/")[0]
    beside = [other for name, other in run.table.items() if name.partition("/")[0] == head and name != series.name]
    return bool(beside) and all(bool(np.isnan(s.value).all()) for s in (series, *beside))


#: So many finite values after the last bad one are a recovery.
_RECOVERED = 2


def _is_no_part_of_the_loss(run: Run, series: Series) -> bool:
    """A part whose NaN never reached the sum beside it: a head without samples in some batches, or one never in use."""
    total = run.series("loss")
    if not series.name.startswith("loss/") or total is None or not np.isfinite(total.value).all():
        return False
    where = np.flatnonzero(~np.isfinite(series.value))
    if not len(where) or (len(where) < len(series) and len(series) - 1 - int(where[-1]) < _RECOVERED):
        return False
    same_row = np.isin(series.line[where], total.line) & np.isin(series.step[where], total.step)
    return bool(same_row.all()) and not total.info.smoothed


#: Names of regression and classification losses that people log without the word loss.
_NAMED_LOSSES = ("mse", "mae", "rmse", "bce", "xent", "cross_entropy", "crossentropy", "huber", "kl", "error")


def main_loss(run: Run) -> Series | None:
    """The series that patterns are judged on: the training loss, else the nearest thing the log has."""
    for name in ("loss", "loss_smoothed"):
        if (series := run.series(name)) is not None:
            return series
    heads = sorted(name for name in run.table if name.startswith("loss/"))
    named = [name for name in run.table if name.startswith("metric/") and name[7:].lower() in _NAMED_LOSSES]
    for name in (*heads, "val/loss", *named, "grad_norm"):
        if (series := run.series(name)) is not None:
            return series
    return None


def before(series: Series, step: int | None, line: int | None) -> Series:
    """The points of ``series`` that lie before a step (before a line where the step is unknown)."""
    if step is None:
        return series if line is None else series.where(series.line < line)
    return series.where((series.step < step) & (series.step != NO_STEP))
