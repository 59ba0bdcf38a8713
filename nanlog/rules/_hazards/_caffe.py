"""Hazards in the solver and the net of Caffe: what its own layers and schedules compute from these parameters."""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.model import Evidence
from nanlog.rules._view import View
from nanlog.rules.division_by_zero_sparsity import normalisers
from nanlog.rules.pooling_stride_gt_kernel import last_window_is_empty, suspects
from nanlog.rules.relu_rnn import RECURRENT, relu_recurrence
from nanlog.rules.undefined_gradient import roots

__all__ = ["layers", "solver"]

_LEARNABLE = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
}


def solver(view: View) -> Iterator[Evidence]:
    policy = view.solver("lr_policy")
    if policy is not None and policy.value == "poly" and view.solver("max_iter") is None:
        yield view.stated(policy, "lr_policy poly without max_iter divides by zero")
    chain = relu_recurrence(view) or next((layer.fact("type") for layer in view.net.of_type(*RECURRENT)), None)
    if chain is not None and view.solver("clip_gradients") is None and view.knows_solver:
        yield view.stated(chain, "a recurrence without clip_gradients")


def layers(view: View) -> Iterator[Evidence]:
    for layer in suspects(view):
        if last_window_is_empty(view, layer) is not False:
            fact = layer.fact("pooling_param.stride")
            yield view.stated(fact, f"'{layer.name}' pools AVE with a stride above its kernel")
    for layer in roots(view):
        yield view.stated(layer.fact("power_param.power"), f"'{layer.name}' has an infinite slope at 0")
    for layer in normalisers(view):
        yield view.stated(layer.fact("type"), f"'{layer.name}' divides by something that can be 0")
    for layer in view.net.of_type("Log"):
        if layer.number("log_param.shift", 0.0) <= 0:
            yield view.stated(layer.fact("type"), f"'{layer.name}' takes a logarithm without a shift")
    for layer in view.net.of_type("InfogainLoss"):
        yield view.stated(layer.fact("type"), f"'{layer.name}' (InfogainLoss) needs a normalised matrix")
    for layer in view.net.of_type("BatchNorm"):
        if layer.number("batch_norm_param.eps", 1e-5) <= 0:
            yield view.stated(layer.fact("batch_norm_param.eps"), f"'{layer.name}' has eps 0")
        if layer.value("batch_norm_param.use_global_stats", False) is True:
            fact = layer.fact("batch_norm_param.use_global_stats")
            yield view.stated(fact, f"'{layer.name}' uses global statistics in the training net")
    for layer in view.net.layers:
        params = _LEARNABLE.get(layer.type)
        if params is not None and not any(key.startswith(f"{params}.weight_filler") for key in layer.fields):
            says = f"'{layer.name}' has no weight_filler: its weights start at 0 unless they are loaded"
            yield view.stated(layer.fact("type"), says)
