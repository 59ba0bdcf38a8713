"""Finite numbers that stand for NaN.

Clamps.  Caffe's softmax loss takes ``-log(max(p, FLT_MIN))``, and ``-log(FLT_MIN)`` prints as 87.3365: the loss of a
batch in which every sample has probability 0, or in which ``max`` swallowed a NaN (GPUs, and versions of 2014).
Infogain and multinomial losses clamp at 1e-20 (46.0517).  One such value is a saturated batch; many exact ones are a
dead net.  Keras clips probabilities to [1e-7, 1 - 1e-7]: a net whose outputs saturated (or are NaN) shows
``-log(1e-7)`` = 16.118 for every sample it gets wrong, so that loss and accuracy say the same thing.

Chance.  Kernels that turn NaN into 0 (fused ReLU on a CPU) leave a net that answers the same for every sample: the loss
sticks at ln(classes), the accuracy at 1/classes.

Zero.  What filters or replaces NaN (``nan_to_num``, the averages of Hugging Face's Trainer) prints exactly 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog.model import FloatArray, IntArray, Run, Series

#: A clamp hides a NaN, and it is where a blow-up ends: the number alone is the same for both.
_SATURATED = "NaN or for outputs that saturated"
#: Printed value of a loss whose every sample is clamped -> what clamps it.
CEILINGS = {
    -math.log(float(np.finfo(np.float32).tiny)): f"{_SATURATED} (softmax loss, clamped at FLT_MIN)",
    -math.log(1e-20): f"{_SATURATED} (infogain or multinomial loss, clamped at 1e-20)",
}
#: An exact ceiling must come back this often before it is a state rather than one saturated batch.
_TIMES = 3
#: Six significant digits are printed.
_PRINTED = 6e-7


#: Keras' epsilon, the least probability of its cross-entropies.
_KERAS_CLIP = -math.log(1e-7)
#: Beyond this accuracy a clipped loss says nothing: nearly all is right.
_MOSTLY_WRONG = 0.9
#: Four decimals of a mean, or seven digits: how near a value must be to what it stands for.
_NEAR = 1e-3
#: So many zeros at the end of a log are no perfect batches.
_ZEROS = 5

#: With two classes a net at chance is quite often only a net that has not learnt yet.
_FEWEST_CLASSES = 4
#: Above, one class more or less is within the rounding of the loss.
_MOST_CLASSES = 500
#: It had been this far from there, as a share; what was always about there is a plateau.
_ELSEWHERE = 0.05
#: An accuracy within this share of 1/classes is chance: classes are not all equally common.
_CHANCE = 0.3

#: So many points before the zeros tell the usual loss; the last of them must not be far below it.
_BEFORE = 10
_FAR = 0.3
#: A loss that is printed as so few units of its last digit may well be printed as 0 next.
_UNITS = 3
#: More decimals than that are no rounding for print.
_DECIMALS = 9
#: A loss that has come down to this share of its early level may well go on to 0.
_COME_DOWN = 0.05


@dataclass(frozen=True, slots=True)
class Mask:
    """From ``index`` of ``series`` on it shows the value ``value``, which stands for ``what``; ``count`` points do."""

    series: Series
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
    """Find where the loss got stuck at a value that stands for NaN; None where it did not."""
    return _clamped(run, loss) or _clipped(run) or _at_chance(run) or _zeroed(run, loss)


def _clamped(run: Run, loss: Series) -> Mask | None:
    """Stuck at a clamp of Caffe's.

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
                best = Mask(loss, int(where[0]), float(loss.value[where[0]]), len(where), what)
    return best


def _clipped(run: Run) -> Mask | None:
    """At the end of the log the loss is 16.118 times the share of wrong answers, and most are wrong."""
    for loss, accuracy in _beside_accuracy(run):
        stands_for = _KERAS_CLIP * (1 - accuracy)
        same = (np.abs(loss.value - stands_for) <= 2 * _NEAR * stands_for) & (accuracy < _MOSTLY_WRONG)
        if (since := _to_the_end(same)) is not None:
            what = f"{_SATURATED} (16.118 times the share of wrong answers: probabilities clipped at 1e-7)"
            return Mask(loss, since, float(loss.value[since]), len(loss) - since, what)
    return None


def _at_chance(run: Run) -> Mask | None:
    """At the end of the log the loss is ln(classes) and the accuracy 1/classes, without any drift."""
    for loss, accuracy in _beside_accuracy(run):
        with np.errstate(all="ignore"):
            classes = np.round(np.exp(loss.value))
            level = np.log(classes)
            known = np.isfinite(classes) & (classes >= _FEWEST_CLASSES) & (classes < _MOST_CLASSES)
            same = known & (np.abs(loss.value - level) <= _NEAR * level) & (np.abs(accuracy * classes - 1) <= _CHANCE)
        if (since := _to_the_end(same)) is None or len(set(classes[since:].tolist())) > 1:
            continue
        if since == 0 or np.abs(loss.value[:since] / level[since] - 1).max() > _ELSEWHERE:
            what = f"NaN or for a dead net (ln({classes[-1]:.0f}): the same answer for every sample)"
            return Mask(loss, since, float(loss.value[since]), len(loss) - since, what)
    return None


def _to_the_end(same: NDArray[np.bool_]) -> int | None:
    """Where the last stretch of True begins, if it is long enough and reaches the end."""
    since = _to_the_end_of(same)
    return since if since is not None and len(same) - since >= _TIMES else None


def _beside_accuracy(run: Run) -> Iterator[tuple[Series, FloatArray]]:
    """Each training loss at the steps at which an accuracy was logged too, with that accuracy as a share (0..1)."""
    for name in ("loss_smoothed", "loss"):
        loss = run.series(name)
        for other, accuracy in run.table.items():
            if loss is None or not other.startswith("metric/") or "acc" not in other.lower():
                continue
            if accuracy.info.smoothed != loss.info.smoothed:
                continue
            mine, its = _common(loss.step, accuracy.step)
            share = accuracy.value[its]
            if len(mine) >= _TIMES and np.isfinite(loss.value[mine]).all():
                yield loss.where(mine), share / 100 if share.max(initial=0.0) > 1.0 else share


def _common(one: IntArray, other: IntArray) -> tuple[IntArray, IntArray]:
    """Where two series have points of the same step."""
    if np.array_equal(one, other):
        every = np.arange(len(one))
        return every, every
    _, mine, its = np.intersect1d(one, other, return_indices=True)
    return mine, its


def _zeroed(run: Run, loss: Series) -> Mask | None:
    """Exactly 0 from one point on, though the loss had been far from it.

    A loss may become 0 for good reasons (a hinge that is met everywhere); it then comes near it first, or is 0 now and
    then.  Where a gradient norm or an evaluation is non-finite meanwhile, one zero is enough.
    """
    since = _to_the_end_of(loss.value == 0)
    if since is None or since == 0:
        return None
    before = np.abs(loss.value[:since])
    zeros = len(loss) - since
    recent = before[-_BEFORE:]
    if not before.all() or float(recent[-3:].min()) <= _FAR * float(np.median(recent)):
        return None
    if float(recent[-3:].min()) <= _UNITS * _printed_unit(before):
        return None
    broken = any(
        not np.isfinite(series.value).all()
        for name, series in run.table.items()
        if name.startswith(("grad_norm", "val/loss"))
    )
    if not broken and (zeros < _ZEROS or len(before) < _BEFORE):
        return None
    # what is memorised is printed as 0.0001 before it is printed as 0.0000
    if not broken and float(recent[-3:].min()) <= _COME_DOWN * float(np.median(before[: max(1, len(before) // 4)])):
        return None
    return Mask(loss, since, 0.0, zeros, "NaN (exactly 0: what replaces or filters NaN prints that)")


def _printed_unit(values: FloatArray) -> float:
    """What the last digit is worth where all values have equally few decimals; 0 where they are printed in full."""
    for decimals in range(_DECIMALS):
        if np.array_equal(np.round(values, decimals), values):
            return float(10.0**-decimals)
    return 0.0


def _to_the_end_of(same: NDArray[np.bool_]) -> int | None:
    wrong = np.flatnonzero(~same)
    since = int(wrong[-1]) + 1 if len(wrong) else 0
    return since if since < len(same) else None
