"""The loss itself is computed over a value it is not defined for.

What it sees
    The loss layer is the first to go bad while what it reads is finite; an infogain matrix that is not normalised;
    a Log, a Python loss layer or an infinite loss weight in the net; a logarithm that anomaly mode names.

Why it ends in NaN
    log(0), a division by a count of zero, a fractional power of a negative number, or 0 * inf.

Fires on
    infogain_matrix_nan_debug

Quiet on
    nan_label_debug, average_pooling_stride_gt_kernel_debug, lr_too_high_linear_debug, nan_batch_filtered,
    sqrt_of_zero_nested_gradients, healthy_negative_loss

What to do
    Add an epsilon inside the logarithm or the denominator; check the infogain matrix; make the Python layer count
    first.

May be wrong when
    The loss layer is only where bad labels become visible; a huge input overflows in it, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, FloatArray, MarkKind, Pattern, Phase, Sign
from nanlog.rules._net import Layer
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View, number

#: Operations of a loss that are infinite at 0, in value and in gradient.
_LOGARITHM = re.compile(r"Function '(Log\d{0,2}|Log1P|Logit|XlogY|BinaryCrossEntropy)Backward\d{0,3}'", re.I)


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR):
        return
    located = view.located_layer
    if located is not None and view.phase is Phase.FORWARD and _is_loss(view, located) and view.located is not None:
        says = f"'{located.name}' ({located.type}) is the first layer to go bad; all it reads is finite"
        yield view.sign("loss_layer_first", view.seen(view.located, says))
    if located is not None and located.type == "Log" and view.phase is Phase.FORWARD and view.located is not None:
        yield view.sign("log_first", view.seen(view.located, f"'{located.name}' takes the log of a value that is 0"))
    if located is not None and located.type == "Exp" and view.phase is Phase.FORWARD and view.located is not None:
        yield view.sign(
            "exp_first", view.seen(view.located, f"'{located.name}' takes the exponential of a large value")
        )
    known = ("Log", "Exp")
    if located is not None and not _is_loss(view, located) and located.type not in known and view.located is not None:
        says = f"'{located.name}' ({located.type}) went bad before any loss layer"
        yield view.sign("other_layer_first", view.seen(view.located, says))
    yield from _without_layers(view)
    yield from _anomaly(view)
    yield from _hazards(view)
    heads = {bad.series for bad in view.onset.order if bad.series.startswith("loss/")}
    logged = [name for name in view.run.table if name.startswith("loss/")]
    if len(logged) > 1 and len(heads) == 1 and view.calm:
        bad = next(bad for bad in view.onset.order if bad.series in heads)
        yield view.sign("one_head_only", view.seen(bad, f"only the head {bad.series} goes bad"))
    if view.grew is not None:
        yield view.sign("growth_before", view.grew)


def _without_layers(view: View) -> Iterator[Sign]:
    """What the loss alone tells, where nothing is known of the layers."""
    last = view.jump()
    if view.has_debug or not view.calm or last is None or view.gradient_before_loss is not None:
        return
    yield view.sign("jump_from_calm" if view.calm_is_known else "jump_after_few_points", last)
    history = view.history
    if history is not None and (low := _near_a_bound(history.value)):
        yield view.sign("near_a_bound", view.point(history, len(history) - 1, low))


def _anomaly(view: View) -> Iterator[Sign]:
    """PyTorch's anomaly mode names a logarithm: its gradient at 0 is infinite, as is its value."""
    for mark in view.run.marks:
        if mark.kind is MarkKind.NONFINITE and (found := _LOGARITHM.search(mark.text)):
            says = f"anomaly mode found the gradient of {found[1]} non-finite: it met a 0"
            yield view.sign("anomaly_in_log", view.evidence(says, mark.file, mark.line))
            return


def _near_a_bound(value: FloatArray) -> str:
    """A loss of 0 or near it before the onset: log(1 - p) and quotients come near what they are not defined for."""
    size = np.abs(value)
    usual = float(np.median(size[: max(1, len(size) // 4)]))
    last = float(np.median(size[-3:]))
    return f"the loss had fallen to {number(last)}, near the end of what it is defined for" if last < usual / 50 else ""


def _is_loss(view: View, layer: Layer) -> bool:
    return layer in view.net.losses()


def _hazards(view: View) -> Iterator[Sign]:
    for layer in view.net.losses():
        for key, fact in layer.fields.items():
            if key.startswith("loss_weight") and isinstance(fact.value, float) and not math.isfinite(fact.value):
                says = f"loss_weight: {number(fact.value)} on '{layer.name}'"
                yield view.sign("loss_weight_not_finite", view.stated(fact, says))
        if layer.type == "Python":
            says = f"'{layer.name}' is a loss written in Python ({layer.value('python_param.layer', '?')})"
            yield view.sign("python_loss", view.stated(layer.fact("type"), says))
    for layer in view.net.of_type("InfogainLoss"):
        says = f"'{layer.name}' is an InfogainLoss: rows of its matrix that are zero or not normalised give inf or NaN"
        yield view.sign("infogain_loss", view.stated(layer.fact("infogain_loss_param.source"), says))
    for layer in view.net.of_type("Exp"):
        says = f"'{layer.name}' is an exponential: above 88.7 it leaves the range of a float"
        yield view.sign("exp_in_net", view.stated(layer.fact("type"), says))
        break
    for layer in view.net.of_type("Log"):
        if layer.number("log_param.shift", 0.0) <= 0:
            says = f"'{layer.name}' takes a logarithm without a shift: log(0) = -inf"
            yield view.sign("log_without_shift", view.stated(layer.fact("type"), says))


def remedies(view: View) -> Iterator[str]:
    for sign in signs(view):
        if sign.key == "loss_weight_not_finite":
            yield "give the loss_weight a finite value"
        if sign.key == "python_loss":
            yield "guard the divisions and logarithms of the Python loss layer (a batch without positives divides by 0)"
        if sign.key == "infogain_loss":
            yield "check the infogain matrix H: finite, no row of zeros, rows that sum to about 1"
    for layer in view.net.of_type("Log"):
        if layer.number("log_param.shift", 0.0) <= 0:
            yield f"give '{layer.name}' a log_param {{ shift: 1e-6 }}"
    located = view.located_layer
    if located is not None and _is_loss(view, located):
        yield f"evaluate '{located.name}' on its own inputs of that step, in float64"
    if not view.is_caffe:
        yield "guard the logarithms, quotients and roots of the loss: log(x + eps), x / max(y, eps), log_softmax"


def next_test(view: View) -> str:
    layers = view.net.losses()
    name = f"'{layers[0].name}'" if len(layers) == 1 else "each loss layer"
    return (
        f"forward the batch of that step and evaluate {name} in float64 on the same inputs; add an epsilon and repeat"
    )


RULE = CauseRule(
    __name__,
    Cause.FAULTY_LOSS,
    signs,
    remedies,
    next_test,
    needs=("data/*", "fact:net.train.layer*"),
)
