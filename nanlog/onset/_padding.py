"""NaN that fills a row: nothing was measured there.

A program that writes all its columns in every row has to write something where it did not evaluate, or where the row is
an evaluation's, or where there is nothing yet to average; many write ``nan``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nanlog.model import IntArray, Run, Series
from nanlog.onset._first import is_evaluation, matters

__all__ = ["padding", "without_padding"]

#: So many values at equal distances are no chance, and so many rows of each kind.
_REGULAR = 3

Mask = NDArray[np.bool_]


def padding(run: Run) -> dict[str, Mask]:
    """For each series of one attempt that has some: which of its points only fill a row."""
    holed = {name: series for name, series in run.table.items() if np.isnan(series.value).any()}
    evaluations = [series for name, series in holed.items() if is_evaluation(name)]
    found = {series.name: _between_evaluations(series) for series in evaluations}
    for one in evaluations:
        for other in (series for name, series in holed.items() if not is_evaluation(name) and matters(name)):
            if (turns := _taking_turns(one, other)) is not None:
                found[one.name] = found[one.name] | turns[0]
                found[other.name] = found.get(other.name, np.zeros(len(other), np.bool_)) | turns[1]
    for name, series in holed.items():
        if name.startswith("loss") and _begins_with_nothing(run, series):
            found[name] = np.isnan(series.value)
    return {name: mask for name, mask in found.items() if mask.any()}


def without_padding(run: Run) -> Run:
    """The run of one attempt without the points that only fill rows."""
    masks = padding(run)
    if not masks:
        return run
    return replace(run, table={name: s.where(~masks[name]) if name in masks else s for name, s in run.table.items()})


def _between_evaluations(series: Series) -> Mask:
    """NaN off the grid on which an evaluation has values; the last value, after the training, may come sooner."""
    holes = np.isnan(series.value)
    where = np.flatnonzero(~holes)
    apart = np.diff(where)
    if len(where) < _REGULAR or apart[0] < 2 or where[0] >= apart[0]:
        return np.zeros(len(series), np.bool_)
    every = int(apart[0])
    regular = apart[:-1] if where[-1] == len(series) - 1 and len(apart) > _REGULAR - 1 else apart
    on_grid = (np.arange(len(series)) - where[0]) % every == 0
    # an evaluation that is NaN leaves a gap on the grid: the distance is a multiple then
    is_regular = bool((regular % every == 0).all())
    return np.asarray(holes & ~on_grid & is_regular, np.bool_)


def _begins_with_nothing(run: Run, series: Series) -> bool:
    """NaN before the first update, in a row with a finite evaluation; or in the first row of every epoch."""
    where = np.flatnonzero(~np.isfinite(series.value))
    if not np.isnan(series.value[where]).all() or where[0] != 0 or len(series) <= _REGULAR:
        return False
    if len(where) > 1:
        apart = np.diff(where)
        return len(where) >= _REGULAR and int(apart[0]) > 1 and bool((apart == apart[0]).all())
    evaluated = run.series("val/loss")
    first = evaluated is not None and len(evaluated) > 0 and evaluated.step[0] == series.step[0]
    return first and evaluated is not None and bool(np.isfinite(evaluated.value[0]))


def _taking_turns(one: Series, other: Series) -> tuple[Mask, Mask] | None:
    """The points at which the other one has its value, where rows of two kinds have a value of one or the other."""
    mine, its = _same_rows(one, other)
    has_one, has_other = ~np.isnan(one.value[mine]), ~np.isnan(other.value[its])
    only_one, only_other = has_one & ~has_other, has_other & ~has_one
    if (has_one & has_other).any() or min(np.count_nonzero(only_one), np.count_nonzero(only_other)) < _REGULAR:
        return None
    if np.count_nonzero(np.diff(only_one.astype(np.int8))) < _REGULAR:
        return None  # what breaks once and for all
    fills_one, fills_other = np.zeros(len(one), np.bool_), np.zeros(len(other), np.bool_)
    fills_one[mine[only_other]] = True
    fills_other[its[only_one]] = True
    return fills_one, fills_other


def _same_rows(one: Series, other: Series) -> tuple[IntArray, IntArray]:
    """The points of two series that stand in the same line of the same file."""
    places = [np.stack((series.file, series.line), axis=1) for series in (one, other)]
    rows = {tuple(place): index for index, place in enumerate(places[1].tolist())}
    pairs = [(index, rows[tuple(place)]) for index, place in enumerate(places[0].tolist()) if tuple(place) in rows]
    joined = np.array(pairs, np.int64).reshape(-1, 2)
    return joined[:, 0], joined[:, 1]
