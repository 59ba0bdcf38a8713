"""Batch normalisation divides by a variance that is zero, tiny or not the batch's own.

What it sees
    A BatchNorm layer that goes bad first, or whose settings invite it: a batch of one, eps 0, global statistics in
    training from scratch, a moving average outside 0..1; a variance of 0 before the onset.

Why it ends in NaN
    (x - mean) / sqrt(0 + 0) is 0/0; untrained global statistics are zero; statistics of nan stay nan for ever.

Fires on
    batchnorm_batch_of_one

Quiet on
    healthy_lenet_debug, healthy_tqdm, nan_label_debug, nan_bias_filler, lr_too_high_linear_debug,
    lr_step_up_lightning1_csv

What to do
    A larger batch, ``eps: 1e-5``, ``use_global_stats: false`` in the training phase, a moving average fraction of
    0.999.

May be wrong when
    A blow-up elsewhere overflows first in the variance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, Pattern, Phase, Sign
from nanlog.rules._net import Layer
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import NORMALISATIONS, View

#: Names of the epsilon of a batch normalisation among the hyper-parameters of a script.
_EPSILONS = ("bn_eps", "bn_epsilon", "batch_norm_eps", "batchnorm_eps", "batch_norm_epsilon", "norm_eps")


def signs(view: View) -> Iterator[Sign]:
    layers = view.net.of_type(*NORMALISATIONS)
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR):
        return
    if not view.net and not _known_without(view) and (hidden := view.hidden_at_start) is not None:
        yield view.sign("hidden_at_start", hidden)
    if not view.net and view.only_in_validation is not None:
        yield view.sign("only_in_validation", view.only_in_validation)
    listed = view.layer_of_type("BatchNorm")
    if listed is not None and view.first is not None:
        says = f"the model has a layer {listed.value}: a batch of one, or of equal values, has variance 0"
        yield view.sign("batchnorm_in_model", view.stated(listed, says))
    if (eps := view.setting(*_EPSILONS)) is not None and eps.value in (0, "0", "0.0"):
        says = f"{eps.key.rpartition('.')[2]}: 0: a channel that is constant over the batch gives 0/0"
        yield view.sign("eps_zero", view.stated(eps, says))
    if not layers:
        return
    located = view.located
    names = {layer.name for layer in layers}
    if located is not None and located.layer in names and view.phase in (Phase.FORWARD, Phase.UPDATE):
        yield view.sign(
            "batchnorm_first", view.seen(located, f"'{located.layer}' (BatchNorm) is the first layer to go bad")
        )
    elif located is not None:
        yield view.sign("other_layer_first", view.seen(located, f"{located.series} went bad first"))
    yield from _settings(view, layers)
    yield from _variance(view, names)
    if view.grew is not None and view.growth is not None and view.growth.points > 1:
        yield view.sign("growth_before", view.grew)


def _known_without(view: View) -> bool:
    """Whether the log lists the layers of the model, several of them, and none of them is a batch normalisation."""
    listed = [fact for fact in view.run.facts if fact.key.startswith("model.layer[") and fact.key.endswith("].type")]
    return len(listed) > 1 and not any("BatchNorm" in str(fact.value) for fact in listed)


def _variance(view: View, names: set[str]) -> Iterator[Sign]:
    """The running variance (blob 1 of Caffe's layer) of a layer that is 0 after the first update."""
    for name, series in view.run.table.items():
        kind, _, rest = name.partition("/")
        layer, _, blob = rest.rpartition("/")
        if kind != "param" or blob != "1" or layer not in names:
            continue
        zero = np.flatnonzero((series.value == 0) & view.before_onset(series))
        if len(zero) and zero[-1] > 0:
            index = int(zero[-1])
            says = f"the running variance of '{layer}' is 0 at step {series.step[index]}"
            yield view.sign("variance_zero", view.point(series, index, says))
            return


def _settings(view: View, layers: list[Layer]) -> Iterator[Sign]:
    early = view.updates_before is not None and view.updates_before <= 1
    first_bn = view.located is not None and view.located.layer in {layer.name for layer in layers}
    for layer in layers:
        untrained = not _finetuned(view) and (early or first_bn)
        if layer.value("batch_norm_param.use_global_stats", False) is True and untrained:
            fact = layer.fact("batch_norm_param.use_global_stats")
            says = f"'{layer.name}' uses global statistics while training from scratch: they are still zero"
            yield view.sign("global_stats_untrained", view.stated(fact, says))
            break
    for layer in layers:
        if layer.number("batch_norm_param.eps", 1e-5) <= 0:
            says = f"'{layer.name}' has eps 0: a channel that is constant over the batch gives 0/0"
            yield view.sign("eps_zero", view.stated(layer.fact("batch_norm_param.eps"), says))
            break
    for layer in layers:
        fraction = layer.number("batch_norm_param.moving_average_fraction", 0.999)
        if not 0 <= fraction <= 1 or math.isnan(fraction):
            fact = layer.fact("batch_norm_param.moving_average_fraction")
            yield view.sign("moving_average_absurd", view.stated(fact, f"moving_average_fraction: {fraction:g}"))
            break
    for layer in layers:
        shape = _shape_of(view, layer)
        if shape and shape[0] == 1 and len(shape) < 4:
            says = f"'{layer.name}' normalises a batch of one value per channel: its variance is 0"
            yield view.sign("batch_of_one", view.stated(layer.fact("type"), says))
            break
    if early and view.first is not None:
        yield view.sign("at_the_start", view.seen(view.first, "bad within the first update"))


def _finetuned(view: View) -> bool:
    return any(mark.kind in ("resume", "finetune") for mark in view.run.marks)


def _shape_of(view: View, layer: Layer) -> tuple[int, ...] | None:
    fact = view.run.fact(f"shape.train.{layer.name}[0]")
    parts = str(fact.value).split() if fact is not None else []
    return tuple(int(part) for part in parts) if parts and all(part.isdigit() for part in parts) else None


def remedies(view: View) -> Iterator[str]:
    keys = {sign.key for sign in signs(view)}
    if "eps_zero" in keys:
        yield "set batch_norm_param { eps: 1e-5 } in the training net" if view.is_caffe else "set that epsilon to 1e-5"
    if "global_stats_untrained" in keys:
        yield "leave use_global_stats out of the training net, or start from trained weights (--weights)"
    if "batch_of_one" in keys:
        yield "use a batch_size above 1, or drop the normalisation on blobs of one value per channel"
    if "moving_average_absurd" in keys:
        yield "set moving_average_fraction between 0 and 1 (0.999)"
    if not keys & {"eps_zero", "global_stats_untrained", "batch_of_one", "moving_average_absurd"}:
        blob = "blob (param 1)" if view.is_caffe else "(running_var, moving_variance)"
        yield f"raise eps of the BatchNorm layers and look at the variance {blob} of the first one"
        if not view.is_caffe:
            yield "leave out a last batch of one sample: drop_last=True of a DataLoader, drop_remainder=True of tf.data"


def next_test(view: View) -> str:
    eps = "eps: 1e-3" if view.is_caffe else "eps 1e-3"
    return f"run again to the same step with {eps} in every BatchNorm layer; if it survives, the variance was the cause"


RULE = CauseRule(
    __name__,
    Cause.BATCHNORM_INSTABILITY,
    signs,
    remedies,
    next_test,
    needs=("fact:net.train.layer*", "fact:model.layer*", "data/*"),
)
