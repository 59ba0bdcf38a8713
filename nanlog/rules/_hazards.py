"""Static hazards: settings that can end in NaN, read from the solver and the net that the log prints.

A hazard alone is a note.  One that agrees with the onset is a sign of the rule it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Evidence, Fact
from nanlog.rules._view import View
from nanlog.rules.division_by_zero_sparsity import normalisers
from nanlog.rules.pooling_stride_gt_kernel import last_window_is_empty, suspects
from nanlog.rules.relu_rnn import RECURRENT, relu_recurrence
from nanlog.rules.undefined_gradient import roots

_EPSILON = re.compile(r"(?:^|_)eps(?:ilon)?$")
_STEPS_OF_DECAY = ("decay_steps", "decay_iters", "lr_decay_steps", "lr_decay_iters", "t_max", "total_iters", "t_0")
_LEARNABLE = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
}


def hazards(view: View) -> Iterator[Evidence]:
    """Every hazard of the attempt, each citing the line of the setting."""
    yield from _solver(view)
    yield from _layers(view)
    yield from _settings(view)


def _solver(view: View) -> Iterator[Evidence]:
    policy = view.solver("lr_policy")
    if policy is not None and policy.value == "poly" and view.solver("max_iter") is None:
        yield view.stated(policy, "hazard: lr_policy poly without max_iter divides by zero")
    chain = relu_recurrence(view) or next((layer.fact("type") for layer in view.net.of_type(*RECURRENT)), None)
    if chain is not None and view.solver("clip_gradients") is None and view.knows_solver:
        yield view.stated(chain, "hazard: a recurrence without clip_gradients")


def _settings(view: View) -> Iterator[Evidence]:
    """Hyper-parameters that scripts and trainers print or keep beside a log."""
    for fact in view.run.facts:
        key = fact.key.rpartition(".")[2].lower()
        if not fact.key.startswith(("hparams.", "trainer.", "model.")):
            continue
        value = _number(fact)
        if _EPSILON.search(key) and value == 0:
            yield view.stated(fact, f"hazard: {key}: 0 lets a normalisation or the optimiser divide by zero")
        elif key in _STEPS_OF_DECAY and value == 0:
            yield view.stated(fact, f"hazard: {key}: 0 makes the schedule divide by zero")
        elif key in ("max_grad_norm", "gradient_clip_val", "grad_clip", "clipnorm") and value == 0:
            yield view.stated(fact, f"hazard: {key}: 0 turns the clipping of gradients off")
        elif key == "logging_nan_inf_filter" and fact.value is True:
            yield view.stated(fact, "hazard: logging_nan_inf_filter replaces every NaN loss in the log by an average")
    warm, most = view.setting("warmup_steps"), view.setting("max_steps", "total_steps", "max_iters")
    if warm is not None and most is not None and 0 < (_number(most) or 0) <= (_number(warm) or 0):
        yield view.stated(warm, f"hazard: the warm-up of {warm.value} steps never ends: there are {most.value} in all")


def _number(fact: Fact) -> float | None:
    """The value as a number; None for words and switches."""
    if isinstance(fact.value, bool):
        return None
    try:
        return float(fact.value)
    except ValueError:
        return None


def _layers(view: View) -> Iterator[Evidence]:
    for layer in suspects(view):
        if last_window_is_empty(view, layer) is not False:
            fact = layer.fact("pooling_param.stride")
            yield view.stated(fact, f"hazard: '{layer.name}' pools AVE with a stride above its kernel")
    for layer in roots(view):
        yield view.stated(layer.fact("power_param.power"), f"hazard: '{layer.name}' has an infinite slope at 0")
    for layer in normalisers(view):
        yield view.stated(layer.fact("type"), f"hazard: '{layer.name}' divides by something that can be 0")
    for layer in view.net.of_type("Log"):
        if layer.number("log_param.shift", 0.0) <= 0:
            yield view.stated(layer.fact("type"), f"hazard: '{layer.name}' takes a logarithm without a shift")
    for layer in view.net.of_type("InfogainLoss"):
        yield view.stated(layer.fact("type"), f"hazard: '{layer.name}' (InfogainLoss) needs a normalised matrix")
    for layer in view.net.of_type("BatchNorm"):
        if layer.number("batch_norm_param.eps", 1e-5) <= 0:
            yield view.stated(layer.fact("batch_norm_param.eps"), f"hazard: '{layer.name}' has eps 0")
        if layer.value("batch_norm_param.use_global_stats", False) is True:
            fact = layer.fact("batch_norm_param.use_global_stats")
            yield view.stated(fact, f"hazard: '{layer.name}' uses global statistics in the training net")
    for layer in view.net.layers:
        params = _LEARNABLE.get(layer.type)
        if params is not None and not any(key.startswith(f"{params}.weight_filler") for key in layer.fields):
            says = f"hazard: '{layer.name}' has no weight_filler: its weights start at 0 unless they are loaded"
            yield view.stated(layer.fact("type"), says)
