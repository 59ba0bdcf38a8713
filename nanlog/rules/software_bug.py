"""A kernel, a driver, a library or the hardware computes wrongly.

What it sees
    The same configuration finite in another attempt of the same log, at the step at which this one breaks; an error
    of CUDA or cuDNN before the onset.

Why it ends in NaN
    Memory that was never written, a race, a broken kernel or a failing memory cell holds any bits, NaN among them.

Fires on
    nothing among the samples: all of them are reproducible

Quiet on
    healthy_lenet_debug, healthy_restarts_with_purge_step, nan_label_debug, sqrt_of_zero_debug,
    resumed_with_higher_lr, infogain_matrix_nan_debug

What to do
    Run twice with the same seed; run on another device; update driver and library, or go back to the last good one.

May be wrong when
    Data is shuffled or drawn without a seed: then two runs differ for a good reason.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, MarkKind, Pattern, Run, Sign
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View

_DEVICE_ERRORS = ("cudaSuccess", "CUDNN_STATUS", "CUBLAS_STATUS", "illegal memory access", "ECC")
#: Two attempts count as the same training when these agree.
_SAME = ("solver.base_lr", "solver.lr_policy", "solver.momentum", "solver.type", "solver.random_seed", "net.train.name")


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR):
        return
    for mark in view.run.marks:
        error = next((word for word in _DEVICE_ERRORS if word in mark.text), None)
        if mark.kind is MarkKind.FATAL and error and "out of memory" not in mark.text:
            if view.onset.line is not None and mark.line > view.onset.line:
                continue
            says = f"the device reported an error before: {mark.text}"
            yield Sign("device_error", view.evidence(says, mark.file, mark.line))
            break
    yield from _finite_elsewhere(view)


def _finite_elsewhere(view: View) -> Iterator[Sign]:
    """Another attempt over the same batches that stays finite.

    Only attempts that begin at the same step see the same batches (Caffe reads its data from the beginning after a
    resume), and only with a seed do they start from the same weights.
    """
    whole, step = view.case.whole, view.onset.step
    if step is None or view.onset.pattern is Pattern.FROM_START or view.solver("random_seed") is None:
        return
    begin = view.run.attempts[0].first_step if view.run.attempts else None
    for attempt in whole.attempts:
        if attempt.index == view.onset.attempt or attempt.first_step != begin:
            continue
        other = whole.of_attempt(attempt.index)
        loss = other.series("loss")
        if loss is None or not _same(view.run, other):
            continue
        at = np.flatnonzero(loss.step == step)
        if len(at) and bool(np.isfinite(loss.value[loss.step >= step]).all()):
            says = f"attempt {attempt.index + 1}, with the same settings, is finite at step {step} and after it"
            yield view.sign("finite_in_another_attempt", view.point(loss, int(at[0]), says))
            return


def _same(one: Run, other: Run) -> bool:
    for key in _SAME:
        left, right = one.fact(key), other.fact(key)
        if (left.value if left else None) != (right.value if right else None):
            return False
    return True


def remedies(view: View) -> Iterator[str]:
    yield "run twice with the same seed: what a bug breaks is rarely broken twice at the same step"
    yield "run the same steps on the CPU or another GPU; test its memory"


def next_test(view: View) -> str:
    return f"run the same steps twice from the same checkpoint, {view.advice.seed}"


RULE = CauseRule(__name__, Cause.SOFTWARE_BUG, signs, remedies, next_test, needs=("fact:seed",))
