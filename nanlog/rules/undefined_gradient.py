"""Forward is finite, backward is 0/0 or inf * 0.

What it sees
    Loss and activations finite at the step at which gradients turn non-finite, those of one layer alone at best; what
    anomaly mode says; a root (Power between 0 and 1 without a shift) or a division in the solver that can meet an
    exact zero.

Why it ends in NaN
    The derivative of x^p for 0 < p < 1 is infinite at 0, and Caffe computes it as p * y / x = 0/0.  AdaGrad and its
    kin divide by the root of the squared gradients; with delta 0 a gradient that is exactly 0 gives 0/0.

Fires on
    sqrt_of_zero_debug, sqrt_of_zero_nested_gradients, infinite_gradient_clipped, anomaly_detected_tqdm

Quiet on
    nan_label_debug, lr_too_high_linear_debug, lr_step_up_megatron, average_pooling_stride_gt_kernel_debug,
    infinite_input_truncated, nan_batch_filtered, healthy_gradient_clipping

What to do
    Add an epsilon under the root (in Caffe ``power_param { shift: 1e-6 }``), a positive ``delta`` to the solver.

May be wrong when
    A blow-up overflows in backward first, because gradients are the largest numbers of a step; then growth precedes
    it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Cause, Evidence, MarkKind, Pattern, Phase, Sign
from nanlog.rules._net import Layer
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View

#: PyTorch's anomaly mode: "Function 'PowBackward0' returned nan values in its 0th output."
_BACKWARD = re.compile(r"Function '(\w{1,80})Backward\d{0,3}'")
#: Operations whose derivative is infinite or undefined where their value is not.
_UNDEFINED_AT_ZERO = (
    "Sqrt",
    "Rsqrt",
    "Pow",
    "Norm",
    "LinalgVectorNorm",
    "Std",
    "Acos",
    "Asin",
    "Atan2",
    "Cdist",
    "Dist",
)
#: Statistics of single layers, which overflow before any element does and do not say where in a step they were taken.
_STATISTICS = ("grad_", "update_", "param_norm/", "param_max/", "param_mean/", "param_value/")
_ADAPTIVE = ("ADAGRAD", "RMSPROP", "ADADELTA", "ADAM")


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR):
        return
    yield from _gradients(view)
    first = next((bad for bad in view.onset.order if bad.layer is not None), None)
    if first is not None and first.series.startswith(_STATISTICS):
        first = None
    if first is not None and first.phase is Phase.BACKWARD:
        says = f"forward is finite at step {first.step}; the gradient at '{first.layer}' is the first to go bad"
        yield view.sign("backward_first", view.seen(first, says))
    elif first is not None and first.phase in (Phase.FORWARD, Phase.INPUT):
        says = f"{first.series} went bad in forward, before any gradient"
        yield view.sign("forward_first", view.seen(first, says))
    elif first is not None and first.phase is Phase.UPDATE and view.solver_type in _ADAPTIVE:
        yield view.sign(
            "update_first", view.seen(first, "forward and backward are finite; the update makes parameters bad")
        )
    for layer in roots(view):
        says = f"'{layer.name}' raises to the power {layer.number('power_param.power', 1.0):g} without a shift"
        key = "root_is_the_layer" if view.located is not None and view.located.layer == layer.name else "root_in_net"
        yield view.sign(key, view.stated(layer.fact("power_param.power"), says + ": infinite slope at 0"))
    delta = view.solver("delta")
    if delta is not None and view.solver_number("delta", 1e-8) == 0 and view.solver_type in _ADAPTIVE:
        says = f"delta: 0 lets {view.solver_type} divide by the root of a gradient that is exactly 0"
        yield view.sign("delta_zero", view.stated(delta, says))
    if view.grew is not None:
        yield view.sign("growth_before", view.grew)


def _gradients(view: View) -> Iterator[Sign]:
    """What the norms of gradients and anomaly mode tell, where activations are not logged."""
    bad = view.gradient_before_loss
    if bad is not None:
        says = f"the loss of step {bad.step} is finite and calm, its gradient is not"
        yield view.sign("gradient_before_loss", view.seen(bad, says))
        if view.located is not None and view.located.series.startswith("grad_norm/"):
            says = f"only the gradient of '{view.located.layer}' is non-finite: backward broke on its way there"
            yield view.sign("one_layer_only", view.seen(view.located, says))
    elif (loss := _jump_without_gradients(view)) is not None:
        yield view.sign("jump_from_calm", loss)
    for mark in view.run.marks:
        if mark.kind is MarkKind.NONFINITE and (found := _BACKWARD.search(mark.text)):
            key = "anomaly_in_root" if found[1].startswith(_UNDEFINED_AT_ZERO) else "anomaly_in_backward"
            says = f"anomaly mode found the gradient of {found[1]} non-finite; forward went through"
            yield view.sign(key, view.evidence(says, mark.file, mark.line))
            return


def _jump_without_gradients(view: View) -> Evidence | None:
    """The last calm loss before a jump, in a log that tells nothing of gradients."""
    if view.has_debug or not view.calm_is_known or view.onset.pattern is Pattern.TRANSIENT:
        return None
    logged = any(name.startswith("grad_") for name in view.run.table)
    says = "the loss is calm up to the last logged step, and no gradient is logged that could speak against it"
    return None if logged else view.last_calm(says)


def roots(view: View) -> list[Layer]:
    """Power layers with an exponent between 0 and 1 and no shift, on the way to a loss."""
    return [
        layer
        for layer in view.net.of_type("Power")
        if 0 < layer.number("power_param.power", 1.0) < 1 and layer.number("power_param.shift", 0.0) <= 0
    ]


def remedies(view: View) -> Iterator[str]:
    for layer in roots(view):
        power = layer.number("power_param.power", 1.0)
        yield f"give '{layer.name}' a shift: power_param {{ power: {power:g} shift: 1e-6 }}"
    if view.solver_number("delta", 1e-8) == 0:
        yield "set delta in solver.prototxt above 0 (1e-8)"
    code = view.run.fact("anomaly.code")
    if code is not None:
        place = ":".join(str(f.value) for key in ("file", "line") if (f := view.run.fact(f"anomaly.{key}")) is not None)
        yield f"guard the operation at {place} ({code.value}): keep its argument away from 0 with an epsilon"
    elif not view.is_caffe:
        yield "look for sqrt, norm, pow, std and abs at 0: add an epsilon under the root, or inside the norm"
    if not roots(view) and view.located is not None:
        where = f"'{view.located.layer}'"
        if view.located.series.startswith("grad_norm/"):
            yield f"look at what lies between {where} and the layer after it, whose gradient is still finite"
        else:
            yield f"look at the derivative of {where} where its input is 0; add an epsilon there"


def next_test(view: View) -> str:
    if view.run.fact("anomaly.code") is not None:
        return "add the epsilon there and run again to the same step, anomaly mode on"
    if roots(view):
        return "add the shift and run again to the same step: an undefined gradient is gone at once"
    return view.advice.anomaly


RULE = CauseRule(
    __name__,
    Cause.UNDEFINED_GRADIENT,
    signs,
    remedies,
    next_test,
    needs=("diff/*",),
)
