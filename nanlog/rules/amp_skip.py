"""A loss scaler found an overflow, skipped the update and lowered its factor: it works as it should.

What it sees
    Messages about skipped updates, or a gradient norm that is not finite for a step, while the loss is finite before,
    at and after it.

Why it ends in NaN
    It does not: the scaled gradient was infinite, so the update was dropped and no parameter saw it.

Fires on
    skipped_updates_deepspeed, skipped_updates_megatron, skipped_updates_gradscaler, nan_batch_skipped

Quiet on
    healthy_deepspeed, healthy_megatron, healthy_gradient_clipping, nan_label_debug, nan_batch_without_a_field,
    float16_overflow_of_one_batch

What to do
    Nothing, as long as skips are rare and the factor stays well above its minimum.

May be wrong when
    Skips come more and more often: then the gradients themselves grow, and the factor hides it for a while.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, MarkKind, Sign
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View, number


def signs(view: View) -> Iterator[Sign]:
    if not view.onset.harmless or view.first is None:
        return
    skips = [mark for mark in view.run.marks if mark.kind is MarkKind.SKIPPED_STEP]
    first, after = view.first, view.onset.recovered_step
    if skips:
        says = f"the loss scaler skipped the update ({len(skips)} times in this log); the loss stayed finite"
    else:
        norm = view.run.series(first.series)
        often = (
            f"in {int((~np.isfinite(norm.value)).sum())} of {len(norm)} points" if norm is not None else "for a while"
        )
        says = f"{first.series} = {number(first.value)} {often}, none from step {after} on"
        says += "; the loss is finite at all of them, so no parameter saw it"
    yield view.sign("update_skipped", view.seen(first, says))
    scale = view.run.series("loss_scale")
    if scale is not None and len(scale) > 1:
        lowered = np.flatnonzero(np.diff(scale.value) < 0)
        if len(lowered):
            index = int(lowered[0]) + 1
            says = f"the loss scale is lowered to {number(float(scale.value[index]))}"
            yield view.sign("scale_lowered", view.point(scale, index, says))


def remedies(view: View) -> Iterator[str]:
    yield "nothing to repair: skipping is how a loss scaler finds its factor"


def next_test(view: View) -> str:
    return "none needed"


RULE = CauseRule(__name__, Cause.AMP_SKIP, signs, remedies, next_test)
