"""A normalisation over nothing: an all-zero sample, a dead layer, a class that is absent.

What it sees
    A normalising layer (Power with a negative exponent, MVN, LRN or Normalize without an epsilon) that is the first
    to go bad, or that is in the net when the loss jumps; activations that fall to zero before it.

Why it ends in NaN
    0 / 0, or 0 * inf one layer later.

Fires on
    l2_norm_of_zero_sample_debug

Quiet on
    nan_label_debug, healthy_lenet_debug, healthy_plateau, sqrt_of_zero_debug, nan_batch_filtered,
    float16_overflow_of_one_batch

What to do
    Add an epsilon to the denominator (``power_param { shift: 1e-6 }``, ``mvn_param { eps: 1e-9 }``); find out why
    all is zero.

May be wrong when
    The zero came from a bad sample: then the data is the cause and this layer the victim.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, Evidence, Pattern, Phase, Sign
from nanlog.rules._net import Layer
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR):
        return
    layers = normalisers(view)
    located = view.located
    for layer in layers:
        if located is not None and located.layer == layer.name and view.phase is Phase.FORWARD:
            says = f"'{layer.name}' ({layer.type}) divides by something that can be 0 and is the first layer to go bad"
            yield view.sign("normaliser_first", view.seen(located, says))
            break
    else:
        for layer in layers:
            says = f"'{layer.name}' ({layer.type}) divides by something that can be 0"
            yield view.sign("normaliser_in_net", Evidence(says, layer.fact("type").file, layer.fact("type").line))
            break
    nan = view.first is not None and np.isnan(view.first.value) and not view.is_missing
    if not view.net and nan and view.calm_is_known:
        last = view.last_calm("calm, then NaN and not inf: 0/0 over an empty mask or an absent class does that")
        if last is not None and view.gradient_before_loss is None:
            yield view.sign("nan_from_calm", last)
    if layers and (dead := _dead_activation(view)) is not None:
        yield dead
    if layers and view.grew is not None:
        yield view.sign("growth_before", view.grew)
    if layers and located is not None and located.layer not in {layer.name for layer in layers}:
        yield view.sign("other_layer_first", view.seen(located, f"{located.series} went bad first"))


def normalisers(view: View) -> list[Layer]:
    """Layers that divide by a norm, a variance or a value without an epsilon."""
    found = []
    for layer in view.net.layers:
        negative = layer.type == "Power" and layer.number("power_param.power", 1.0) < 0
        if negative and layer.number("power_param.shift", 0.0) <= 0:
            found.append(layer)
        # MVN adds eps to the standard deviation; Caffe's default is 1e-9
        if layer.type == "MVN" and layer.number("mvn_param.eps", 1e-9) <= 0:
            found.append(layer)
        # SSD's Normalize adds eps to the norm (default 1e-10); LRN divides by k (default 1) plus a mean of squares
        if layer.type == "Normalize" and layer.number("norm_param.eps", 1e-10) <= 0:
            found.append(layer)
        if layer.type == "LRN" and layer.number("lrn_param.k", 1.0) <= 0:
            found.append(layer)
    return found


def _dead_activation(view: View) -> Sign | None:
    """An activation that is exactly zero at the onset, or fell to a thousandth of its usual size."""
    step = view.onset.step
    for name, series in view.run.table.items():
        if not name.startswith("data/") or series.info.phase is Phase.INPUT or step is None:
            continue
        at = np.flatnonzero((series.step == step) & np.isfinite(series.value))
        if not len(at):
            continue
        usual = float(np.median(np.abs(series.value[np.isfinite(series.value)])))
        if abs(series.value[at[0]]) <= 1e-3 * usual or (series.value[at[0]] == 0 and usual == 0):
            return view.sign(
                "activation_dead", view.point(series, int(at[0]), f"{name} is (nearly) all zero at that step")
            )
    return None


def remedies(view: View) -> Iterator[str]:
    for layer in normalisers(view):
        if layer.type == "Power":
            power = layer.number("power_param.power", -1.0)
            yield f"give '{layer.name}' a shift: power_param {{ power: {power:g} shift: 1e-6 }}"
        elif layer.type == "MVN":
            yield f"give '{layer.name}' an epsilon: mvn_param {{ eps: 1e-9 }}"
        else:
            yield f"add an epsilon to the norm that '{layer.name}' divides by"
    yield "look for all-zero samples, empty masks and classes absent from a batch"


def next_test(view: View) -> str:
    layers = normalisers(view)
    if not view.is_caffe:
        return (
            "count the valid targets (mask.sum(), labels != ignore_index) in the batches of those steps: one has none"
        )
    name = layers[0].name if layers else "the normalising layer"
    return f"count the zeros in what '{name}' reads at that step; add the epsilon and run again to the same step"


RULE = CauseRule(
    __name__,
    Cause.DIVISION_BY_ZERO_SPARSITY,
    signs,
    remedies,
    next_test,
    needs=("data/*", "fact:net.train.layer*"),
)
