"""The lines of the solver that hold a value: losses, outputs of the nets, learning rate, clipping.

* ``loss`` is the sum of the weighted ``Train net output`` lines of an iteration.  ``Iteration N, loss`` is a running mean
  since 2015 and keeps a NaN for ever, so it is ``loss_smoothed``; only where a log has no weighted outputs is it ``loss``.
* ``val/loss`` is the same sum over ``Test net output``; ``Test loss`` (``test_compute_loss``) is ``val/total_loss`` beside
  it, or ``val/loss`` where no output has a weight.
* A clipping line names no iteration.  Where as many stand between two displays as there are iterations, each has its
  own; otherwise all get the iteration displayed before them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

from nanlog.model import SeriesInfo, Stage

from ._caffe_dating import TRAIN
from ._caffe_points import Points
from ._caffe_series import CLIP_NORM, LOSS_SMOOTHED, LR, evaluated, loss, loss_head, metric
from ._caffe_steps import Steps
from ._numbers import value_of

__all__ = ["Outputs"]

TOTAL_LOSS = SeriesInfo("total_loss", "Test loss", Stage.SUMMARY)


@dataclass(frozen=True, slots=True)
class _Output:
    line: int
    name: str
    value: float
    weighted: float | None


class Outputs:
    """Holds the lines of one iteration, or of one test pass, until it is over, and then adds their points."""

    def __init__(self, points: Points, steps: Steps) -> None:
        self._points = points
        self._steps = steps
        self._held: tuple[int, float] | None = None
        self._total: tuple[int, float] | None = None
        self._outputs: list[_Output] = []
        self._net = TRAIN
        self._step: int | None = None
        self._clips: list[tuple[int, float]] = []
        self._has_weights = False
        self._repeated: set[str] = set()

    def iteration(self, step: int, value: float, line: int) -> None:
        """``Iteration N, loss``; the outputs follow it."""
        self.flush()
        self._net, self._step, self._held = TRAIN, step, (line, value)

    def testing(self, net: int, step: int) -> None:
        self.flush()
        self._net, self._step = net, step

    def output(self, found: re.Match[str], line: int, *, is_test: bool) -> None:
        if is_test != (self._net != TRAIN):
            self.flush()
            self._net, self._step = int(is_test), None
        weighted = found["weighted"]
        self._outputs.append(
            _Output(line, found["name"], value_of(found["value"]), None if weighted is None else value_of(weighted))
        )

    def score(self, index: str, value: float, line: int) -> None:
        """``Test score #0``, which had no name until 2014-09."""
        self._points.add(evaluated(metric(f"score[{index}]"), max(self._net, 1)), self._step, value, line)

    def total_loss(self, value: float, line: int) -> None:
        self._total = (line, value)

    def rate(self, step: int, value: float, line: int) -> None:
        self.flush()
        self._points.add(LR, step, value, line)

    def clipped(self, value: float, line: int) -> None:
        self.flush()
        self._clips.append((line, value))

    def date_clips(self, following: int | None) -> None:
        """Date the clipping lines since the last display; ``following`` is the one that comes now."""
        first = self._steps.last if self._steps.last is not None else self._steps.start
        is_each = following is not None and first is not None and following - first == len(self._clips)
        for i, (line, value) in enumerate(self._clips):
            self._points.add(CLIP_NORM, first + i if is_each and first is not None else first, value, line)
        self._clips.clear()

    def flush(self) -> None:
        """Add the points of the iteration or test pass that is over."""
        if self._net == TRAIN:
            self._flush_train()
        else:
            self._flush_test()
        self._held = self._total = None
        self._outputs = []

    def _flush_train(self) -> None:
        weighted = [output for output in self._outputs if output.weighted is not None]
        self._has_weights = self._has_weights or bool(weighted)
        if self._held is not None:
            line, value = self._held
            self._points.add(LOSS_SMOOTHED if self._has_weights else loss("Iteration N, loss"), self._step, value, line)
        self._add_outputs(weighted)

    def _flush_test(self) -> None:
        weighted = [output for output in self._outputs if output.weighted is not None]
        if self._total is not None:
            line, value = self._total
            self._add(TOTAL_LOSS if weighted else loss("Test loss"), value, line)
        self._add_outputs(weighted)

    def _add_outputs(self, weighted: list[_Output]) -> None:
        if weighted:
            values = [output.weighted for output in weighted if output.weighted is not None]
            bad = next((i for i, value in enumerate(values) if not math.isfinite(value)), 0)
            self._add(loss(" + ".join(output.name for output in weighted)), sum(values), weighted[bad].line)
        self._repeated |= {name for name, times in Counter(o.name for o in self._outputs).items() if times > 1}
        place: Counter[str] = Counter()
        for output in self._outputs:
            name = output.name
            if name in self._repeated:
                name += f"[{place[name]}]"
                place[output.name] += 1
            if output.weighted is None:
                self._add(metric(name), output.value, output.line)
            elif len(weighted) > 1:
                self._add(loss_head(name), output.value, output.line)

    def _add(self, series: SeriesInfo, value: float, line: int) -> None:
        self._points.add(evaluated(series, self._net) if self._net != TRAIN else series, self._step, value, line)
