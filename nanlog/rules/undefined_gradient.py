"""Forward is finite, backward is 0/0 or inf * 0.

What it sees
    Loss and activations finite at the step at which gradients turn non-finite; a root (Power between 0 and 1
    without a shift) or a division in the solver that can meet an exact zero.

Why it ends in NaN
    The derivative of x^p for 0 < p < 1 is infinite at 0, and Caffe computes it as p * y / x = 0/0.  AdaGrad and its
    kin divide by the root of the squared gradients; with delta 0 a gradient that is exactly 0 gives 0/0.

Fires on
    sqrt_of_zero_debug

Quiet on
    nan_label_debug, lr_too_high_linear_debug, average_pooling_stride_gt_kernel_debug

What to do
    Add a small shift under the root (``power_param { shift: 1e-6 }``), a positive ``delta`` to the solver.

May be wrong when
    A blow-up overflows in backward first, because gradients are the largest numbers of a step; then growth precedes
    it.
"""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.model import Cause, Pattern, Phase, Sign
from nanlog.rules._net import Layer
from nanlog.rules._rule import DEBUG_INFO, CauseRule
from nanlog.rules._view import View

_ADAPTIVE = ("ADAGRAD", "RMSPROP", "ADADELTA", "ADAM")


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR):
        return
    first = next((bad for bad in view.onset.order if bad.layer is not None), None)
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
    if not roots(view) and view.located is not None:
        yield f"look at the derivative of '{view.located.layer}' where its input is 0; add an epsilon there"


def next_test(view: View) -> str:
    if roots(view):
        return "add the shift and run again to the same step: an undefined gradient is gone at once"
    return "run to that step with debug_info: true and display: 1, and look for the first [Backward] line that says nan"


RULE = CauseRule(
    __name__,
    Cause.UNDEFINED_GRADIENT,
    signs,
    remedies,
    next_test,
    needs=("diff/*",),
    how=DEBUG_INFO,
)
