"""Finite numbers that stand for NaN.

Caffe's softmax loss takes ``-log(max(p, FLT_MIN))``, and ``-log(FLT_MIN)`` prints as 87.3365: the loss of a batch in
which every sample has probability 0, or in which ``max`` swallowed a NaN (GPUs, and versions of 2014).  Infogain
and multinomial losses clamp at 1e-20 (46.0517).  One such value is a saturated batch; many exact ones are a dead net.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nanlog.model import Run, Series

#: Printed value of a loss whose every sample is clamped -> what clamps it.
CEILINGS = {
    -math.log(float(np.finfo(np.float32).tiny)): "softmax loss, clamped at FLT_MIN",
    -math.log(1e-20): "infogain or multinomial loss, clamped at 1e-20",
}
#: An exact ceiling must come back this often before it is a state rather than one saturated batch.
_TIMES = 3
#: Six significant digits are printed.
_PRINTED = 6e-7


@dataclass(frozen=True, slots=True)
class Mask:
    """From ``index`` on the loss shows the value ``value`` that stands for NaN; ``count`` points are exactly it."""

    index: int
    value: float
    count: int
    what: str


def _weights(run: Run) -> set[float]:
    """The loss weights that the net prints; a weighted loss has its ceiling times the weight."""
    found = {1.0}
    for fact in run.facts:
        if ".loss_weight" in fact.key and isinstance(fact.value, int | float) and fact.value:
            found.add(float(fact.value))
    return {w for w in found if math.isfinite(w)}


def find_mask(run: Run, loss: Series) -> Mask | None:
    """Find where the loss got stuck at a clamp; None where it did not.

    It counts when the exact value comes at least three times and holds at least a third of the points from its first
    appearance on; the first step alone is no sign, a net with batch normalisation may begin there and be healthy.
    """
    best: Mask | None = None
    for ceiling, what in CEILINGS.items():
        for weight in sorted(_weights(run)):
            value = ceiling * weight
            exact = np.abs(loss.value - value) <= _PRINTED * abs(value)
            where = np.flatnonzero(exact)
            if len(where) < _TIMES:
                continue
            share = len(where) / (len(loss.value) - int(where[0]))
            if share >= 1 / 3 and (best is None or where[0] < best.index):
                best = Mask(int(where[0]), float(loss.value[where[0]]), len(where), what)
    return best
