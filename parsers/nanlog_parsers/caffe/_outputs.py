"""The lines of the solver that hold a value: losses, outputs of the nets, learning rate, clipping.

* ``loss`` is the sum of the weighted ``Train net output`` lines of an iteration.  ``Iteration N, loss`` is a running
  mean since 2015 and keeps a NaN for ever, so it is ``loss_smoothed``; only where a log has no weighted outputs is it
  ``loss``.
* ``val/loss`` is the same sum over ``Test net output``; ``Test loss`` (``test_compute_loss``) is ``val/total_loss``
  beside it, or ``val/loss`` where no output has a weight.
* A clipping line names no iteration.  Where as many stand between two displays as there are iterations, each has its
  own; otherwise all get the iteration displayed before them.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

from nanlog.model import SeriesInfo, Stage

from ._dating import TRAIN
from ._messages import Output
from ._points import Points
from ._series import CLIP_NORM, LOSS_SMOOTHED, LR, evaluated, loss, loss_head, metric
from ._steps import Steps

__all__ = ["Outputs"]

TOTAL_LOSS = SeriesInfo("total_loss", "Test loss", Stage.SUMMARY)

#: Distinct sets of outputs that are remembered; a net has one.
_MOST_LAYOUTS = 1000


class _Layout(NamedTuple):
    """The codes of the series that a set of outputs makes: their weighted sum and each one (None: the sum says it)."""

    total: int | None
    each: tuple[int | None, ...]


class Outputs:
    """Holds the lines of one iteration, or of one test pass, until it is over, and then adds their points."""

    def __init__(self, points: Points, steps: Steps) -> None:
        self._points = points
        self._steps = steps
        self._held: tuple[int, float] | None = None
        self._outputs: list[tuple[int, Output]] = []
        self._net = TRAIN
        self._step: int | None = None
        self._clips: list[tuple[int, float]] = []
        self._has_weights = False
        self._repeated: set[str] = set()
        self._layouts: dict[tuple[int, tuple[tuple[str, bool], ...]], _Layout] = {}
        self._lr, self._smoothed = points.code(LR), points.code(LOSS_SMOOTHED)

    def iteration(self, step: int, value: float, line: int) -> None:
        """``Iteration N, loss``; the outputs follow it."""
        self.flush()
        self._net, self._step, self._held = TRAIN, step, (line, value)

    def testing(self, net: int, step: int) -> None:
        self.flush()
        self._net, self._step = net, step

    def output(self, output: Output, line: int) -> None:
        if output.is_test != (self._net != TRAIN):
            self.flush()
            self._net, self._step = int(output.is_test), None
        self._outputs.append((line, output))

    def score(self, index: str, value: float, line: int) -> None:
        """``Test score #0``, which had no name until 2014-09."""
        self._add(metric(f"score[{index}]"), value, line, max(self._net, TRAIN + 1))

    def total_loss(self, value: float, line: int) -> None:
        """``Test loss``; the outputs follow it."""
        self._held = (line, value)

    def rate(self, step: int, value: float, line: int) -> None:
        self.flush()
        self._points.add(self._lr, step, value, line)

    def clipped(self, value: float, line: int) -> None:
        self.flush()
        self._clips.append((line, value))

    def date_clips(self, following: int | None) -> None:
        """Date the clipping lines since the last display; ``following`` is the one that comes now."""
        if not self._clips:
            return
        first = self._steps.last if self._steps.last is not None else self._steps.start
        is_each = following is not None and first is not None and following - first == len(self._clips)
        code = self._points.code(CLIP_NORM)
        for i, (line, value) in enumerate(self._clips):
            self._points.add(code, first + i if is_each and first is not None else first, value, line)
        self._clips.clear()

    def flush(self) -> None:
        """Add the points of the iteration or test pass that is over."""
        if self._held is None and not self._outputs:
            return
        has_weights = any(output.weighted is not None for _, output in self._outputs)
        if self._net == TRAIN:
            self._has_weights = self._has_weights or has_weights
        if self._held is not None:
            line, value = self._held
            if self._net != TRAIN:
                self._add(TOTAL_LOSS if has_weights else loss("Test loss"), value, line, self._net)
            elif self._has_weights:
                self._points.add(self._smoothed, self._step, value, line)
            else:
                self._add(loss("Iteration N, loss"), value, line, TRAIN)
        if self._outputs:
            self._add_outputs()
        self._held, self._outputs = None, []

    def _add_outputs(self) -> None:
        shape = tuple([(output.name, output.weighted is not None) for _, output in self._outputs])
        layout = self._layouts.get((self._net, shape)) or self._new_layout(shape)
        if layout.total is not None:
            self._add_sum(layout.total)
        for code, (line, output) in zip(layout.each, self._outputs, strict=True):
            if code is not None:
                self._points.add(code, self._step, output.value, line)

    def _add_sum(self, code: int) -> None:
        total, place = 0.0, None
        for line, output in self._outputs:
            if output.weighted is None:
                continue
            if place is None or (math.isfinite(total) and not math.isfinite(output.weighted)):
                place = line
            total += output.weighted
        self._points.add(code, self._step, total, place or 0)

    def _new_layout(self, shape: tuple[tuple[str, bool], ...]) -> _Layout:
        """Name a set of outputs; a name that occurs several times gets an index, from then on wherever it occurs."""
        heads = [name for name, is_weighted in shape if is_weighted]
        self._repeated |= {name for name, times in Counter(name for name, _ in shape).items() if times > 1}
        place: Counter[str] = Counter()
        each: list[int | None] = []
        for name, is_weighted in shape:
            indexed = f"{name}[{place[name]}]" if name in self._repeated else name
            place[name] += 1
            if not is_weighted:
                each.append(self._code(metric(indexed)))
            else:
                each.append(self._code(loss_head(indexed)) if len(heads) > 1 else None)
        layout = _Layout(self._code(loss(" + ".join(heads))) if heads else None, tuple(each))
        if len(self._layouts) < _MOST_LAYOUTS:
            self._layouts[self._net, shape] = layout
        return layout

    def _code(self, series: SeriesInfo) -> int:
        return self._points.code(series if self._net == TRAIN else evaluated(series, self._net))

    def _add(self, series: SeriesInfo, value: float, line: int, net: int) -> None:
        named = series if net == TRAIN else evaluated(series, net)
        self._points.add(self._points.code(named), self._step, value, line)
