"""Bars with dates -> points of series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog.model import SeriesInfo

from ._epochs import Dated
from ._means import Means, Undoing
from ._rows import PLAIN, Bars, IntArray, Shown
from ._series import Meanings

__all__ = ["Points", "points_of"]

FloatArray = NDArray[np.float64]


@dataclass(slots=True)
class Points:
    """Points as columns, with the order of the rows they stand in."""

    series: dict[SeriesInfo, int]
    order: list[IntArray]
    code: list[IntArray]
    step: list[IntArray]
    value: list[FloatArray]
    line: list[IntArray]

    @staticmethod
    def none() -> Points:
        return Points({}, [], [], [], [], [])

    def index(self, info: SeriesInfo) -> int:
        return self.series.setdefault(info, len(self.series))

    def add(self, order: IntArray, code: IntArray, step: IntArray, value: FloatArray, line: IntArray) -> None:
        self.order.append(order)
        self.code.append(code)
        self.step.append(step)
        self.value.append(value)
        self.line.append(line)

    def add_one(self, info: SeriesInfo, order: int, step: int, value: float, line: int) -> None:
        at, code, when, where = (np.array([number], np.int64) for number in (order, self.index(info), step, line))
        self.add(at, code, when, np.array([value]), where)

    def columns(self) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
        """Code, step, value and line in the order of the log."""
        if not self.order:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64)
        by_order = np.argsort(np.concatenate(self.order), kind="stable")
        code, step, line = (np.concatenate(column)[by_order] for column in (self.code, self.step, self.line))
        return code, step, np.concatenate(self.value)[by_order], line


def points_of(
    bars: Bars, shown: Shown, dated: Dated, names: list[str], meanings: Meanings, undoing: Undoing, last_step: int
) -> Points:
    """The points that dated bars show; ``last_step`` is the last step of the training before them."""
    points = Points.none()
    if not len(shown):
        return points
    row = np.searchsorted(bars.order, shown.order)
    is_training = dated.is_training[row]
    _add_training(points, bars, shown[is_training], row[is_training], dated, names, meanings, undoing)

    is_evaluation = ~is_training & dated.is_final[row]
    if is_evaluation.any():
        latest = np.maximum.accumulate(np.where(dated.is_training, np.arange(len(bars)), -1))
        trained = np.where(latest >= 0, dated.step[latest], last_step)
        evaluated, at = shown[is_evaluation], row[is_evaluation]
        code = _codes(points, evaluated.code, {c: meanings.evaluated(names[c]) for c in _distinct(evaluated.code)})
        points.add(evaluated.order, code, trained[at], evaluated.value, bars.line[at])
    return points


def _add_training(
    points: Points,
    bars: Bars,
    shown: Shown,
    row: IntArray,
    dated: Dated,
    names: list[str],
    meanings: Meanings,
    undoing: Undoing,
) -> None:
    present = _distinct(shown.code)
    infos = {code: meanings.mean(names[code]) for code in present}
    loss = next((code for code in present if meanings.measured(names[code]).name == "loss"), None)
    if loss is None:
        points.add(shown.order, _codes(points, shown.code, infos), dated.step[row], shown.value, bars.line[row])
        return
    is_loss = shown.code == loss
    is_running = is_loss & (bars.kind[row] != PLAIN)
    of_loss = points.index(meanings.loss(names[loss], is_mean=not is_running[is_loss][0]))
    code = _codes(points, shown.code, infos | {loss: meanings.running_mean(names[loss])})
    code[is_loss & ~is_running] = of_loss
    kept = np.flatnonzero(~is_running | dated.is_final[row])
    points.add(shown.order[kept], code[kept], dated.step[row[kept]], shown.value[kept], bars.line[row[kept]])

    running = np.flatnonzero(is_running)
    if not len(running):
        return
    at = running[_is_last_of_its_count(bars, dated, row[running])]
    of = row[at]
    means = Means(dated.epoch[of], bars.seen[of], shown.value[at], dated.is_final[of], dated.is_whole[of])
    points.add(shown.order[at], np.full(len(at), of_loss), dated.step[of], undoing.undone(means), bars.line[of])


def _is_last_of_its_count(bars: Bars, dated: Dated, row: IntArray) -> NDArray[np.bool_]:
    """False where the next bar shows the same batch again: the last one of an epoch is drawn twice."""
    same = (bars.seen[row[1:]] == bars.seen[row[:-1]]) & (dated.epoch[row[1:]] == dated.epoch[row[:-1]])
    return np.concatenate((~same, [True]))


def _distinct(code: IntArray) -> list[int]:
    return np.flatnonzero(np.bincount(code)).tolist() if len(code) else []


def _codes(points: Points, code: IntArray, infos: dict[int, SeriesInfo]) -> IntArray:
    """The codes of names turned into those of series."""
    turned = np.zeros(max(infos, default=0) + 1, np.int64)
    for name, info in infos.items():
        turned[name] = points.index(info)
    return turned[code]
