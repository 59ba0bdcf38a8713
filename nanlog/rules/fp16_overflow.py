"""The range of a 16-bit float is left: 65504 is the largest half, about 6e-8 the smallest.

What it sees
    A net or solver that computes in FLOAT16; activations, gradients or a loss near 65504 before the onset; inf
    before nan.

Why it ends in NaN
    A sum above 65504 is inf, and inf - inf or 0 * inf is NaN; a variance below 6e-8 is 0.

Fires on
    nothing among the samples: only NVIDIA's fork computes in halves

Quiet on
    healthy_lenet_debug, lr_too_high_linear_debug, nan_label_debug

What to do
    Compute the layer that overflows in FLOAT (``forward_type``, ``backward_type``), or lower ``global_grad_scale``.

May be wrong when
    Nothing but the configuration speaks for it; most trainings in halves break for the reasons all others do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, Fact, Pattern, Sign
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View, number

#: The largest finite half (IEEE 754-2008, binary16).
_LARGEST_HALF = 65504.0


def signs(view: View) -> Iterator[Sign]:
    half = half_precision(view)
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR) or half is None:
        return
    yield view.sign("computes_in_half", view.stated(half, f"{half.key.rpartition('.')[2]}: {half.value}"))
    for name, series in view.run.table.items():
        if not name.startswith(("data/", "diff/", "loss", "grad_norm")) or view.onset.line is None:
            continue
        finite = np.flatnonzero(np.isfinite(series.value) & (series.line < view.onset.line))
        near = finite[np.abs(series.value[finite]) > _LARGEST_HALF / 16]
        if len(near):
            index = int(near[-1])
            says = f"{name} = {number(float(series.value[index]))} comes near the largest half, 65504"
            yield view.sign("near_largest_half", view.point(series, index, says))
            break
    first = view.first
    if first is not None and np.isinf(first.value):
        yield view.sign("inf_before_nan", view.seen(first, "the first bad value is inf, not nan: something overflowed"))


def half_precision(view: View) -> Fact | None:
    """The setting that makes the net or one of its layers compute in 16 bits."""
    for fact in view.run.facts:
        if isinstance(fact.value, str) and fact.value == "FLOAT16" and not fact.key.startswith("net.test"):
            return fact
    return None


def remedies(view: View) -> Iterator[str]:
    layer = f" of '{view.located.layer}'" if view.located is not None else ""
    yield f"set forward_type, backward_type and the math types{layer} to FLOAT"
    yield "lower global_grad_scale in the net prototxt"


def next_test(view: View) -> str:
    return "run the same steps with default_forward_type and default_backward_type: FLOAT and nothing else changed"


RULE = CauseRule(
    __name__,
    Cause.FP16_OVERFLOW,
    signs,
    remedies,
    next_test,
    needs=("fact:net.train.layer*",),
)
