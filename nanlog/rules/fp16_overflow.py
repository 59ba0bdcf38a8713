"""The range of a 16-bit float is left: 65504 is the largest half, about 6e-8 the smallest.

What it sees
    A net, solver or configuration that computes in 16 bits, or losses that are all exact 16-bit floats;
    activations, gradients or a loss near 65504 before the onset; inf before nan; a loss scaler that skips every step,
    or that has come down to its least factor; weights that are halves and lost with the first updates.

Why it ends in NaN
    A sum above 65504 is inf, and inf - inf or 0 * inf is NaN; a variance below 6e-8 is 0, and so is Adam's epsilon.

Fires on
    float16_overflow_of_one_batch, adam_epsilon_zero_in_float16_state

Quiet on
    healthy_lenet_debug, healthy_deepspeed, lr_too_high_linear_debug, lr_step_up_megatron, nan_label_debug,
    nan_batch_state, skipped_updates_deepspeed

What to do
    Compute what overflows in float32, or all in bfloat16; in Caffe set ``forward_type`` and ``backward_type`` of the
    layer to FLOAT, or lower ``global_grad_scale``.

May be wrong when
    Nothing but the configuration speaks for it; most trainings in halves break for the reasons all others do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, Evidence, Fact, FloatArray, MarkKind, Pattern, Sign
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import PRECISION_KEYS, View, number

#: The largest finite half (IEEE 754-2008, binary16).
_LARGEST_HALF = 65504.0


#: So many points of a rate of 0, or of a scale, show a state and not a moment.
_STUCK = 5
#: A scaler begins at 2**16 (torch.amp) to 2**32 (DeepSpeed); at 1 nothing is left to scale.
_LEAST_SCALE = 1.0
#: Different losses, and the logarithm of the probability that all of them are halves by chance.
_ENOUGH = 10
_CHANCE = -6.0
#: So many of the last losses are looked at.
_LATEST = 5000
#: The weights themselves are halves, in a model that is kept so or by these words.
_KEPT = ("dtype", "torch_dtype")
_PURE = ("16-true", "half")
#: Adam's first update divides by the root of the first squared gradient plus its epsilon.
_FIRST_UPDATES = (1, 2)
#: Signs of a loss scaler at work: advice to use one would come late.
_SCALED = ("skips_without_end", "every_update_skipped")
_HALVES = ("16", "16-mixed", "16-true", "fp16", "float16", "half", "mixed_float16")


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR):
        return
    half, values, scaled = half_precision(view), _half_values(view), tuple(_scaler(view))
    yield from scaled
    if half is None and values is None and not scaled:
        return
    if half is not None:
        yield view.sign("computes_in_half", view.stated(half, f"{half.key.rpartition('.')[2]}: {half.value}"))
        yield from _first_update(view, half)
    if values is not None:
        yield view.sign("half_values", values)
    for name, series in view.run.table.items():
        if not name.startswith(("data/", "diff/", "loss", "grad_norm")) or view.onset.line is None:
            continue
        finite = np.flatnonzero(np.isfinite(series.value) & view.before_onset(series))
        near = finite[np.abs(series.value[finite]) > _LARGEST_HALF / 16]
        if len(near):
            index = int(near[-1])
            says = f"{name} = {number(float(series.value[index]))} comes near the largest half, 65504"
            yield view.sign("near_largest_half", view.point(series, index, says))
            break
    first = view.first
    if first is not None and np.isinf(first.value):
        yield view.sign("inf_before_nan", view.seen(first, "the first bad value is inf, not nan: something overflowed"))


def _first_update(view: View, half: Fact) -> Iterator[Sign]:
    """All is lost with the first updates of weights that are halves: Adam's epsilon of 1e-8 is 0 among them."""
    is_pure = half.key.rpartition(".")[2] in _KEPT or str(half.value).lower() in _PURE
    adam = view.solver_type == "" or view.solver_type.startswith("ADAM")
    last = view.last_calm("the loss is finite until the first updates; Adam's epsilon of 1e-8 is 0 in float16")
    if is_pure and adam and last is not None and view.updates_before in _FIRST_UPDATES and view.calm:
        yield view.sign("lost_with_first_update", last)


def _scaler(view: View) -> Iterator[Sign]:
    """A loss scaler that found no factor at which the gradients are finite."""
    skips = [mark for mark in view.run.marks if mark.kind is MarkKind.SKIPPED_STEP]
    rate, first = view.rate, view.first
    if first is not None and first.series == "skipped_step":
        says = f"the loss scaler skips {len(skips)} updates in this log and does not stop: no factor is small enough"
        yield view.sign("skips_without_end", view.seen(first, says))
    stuck = rate is not None and len(rate) >= _STUCK and not rate.value.any()
    if stuck and rate is not None and first is not None and first.series.startswith(("lr", "grad_norm")):
        says = (
            f"lr = 0 at all {len(rate)} logged points: the schedule advances with an update, and every one was skipped"
        )
        yield view.sign("every_update_skipped", view.point(rate, len(rate) - 1, says))
    scale = view.run.series("loss_scale")
    if scale is None or len(scale) < _STUCK:
        return
    upto = scale.where(np.isfinite(scale.value))
    least = int(np.argmin(upto.value)) if len(upto) else 0
    if len(upto) and upto.value[least] <= _LEAST_SCALE < upto.value.max():
        says = f"the loss scale fell from {number(float(upto.value.max()))} to {number(float(upto.value[least]))}"
        yield view.sign("scale_at_its_least", view.point(upto, least, says))


def half_precision(view: View) -> Fact | None:
    """The setting that makes the net or one of its layers compute in 16 bits."""
    for fact in view.run.facts:
        if isinstance(fact.value, str) and fact.value == "FLOAT16" and not fact.key.startswith("net.test"):
            return fact
    said = view.setting(*(PRECISION_KEYS - {"fp16", "bf16"}))
    if said is not None and str(said.value).lower().removeprefix("torch.") in _HALVES:
        return said
    switch = view.setting("fp16")
    return switch if switch is not None and str(switch.value).lower() in ("true", "1") else None


def _half_values(view: View) -> Evidence | None:
    """Every logged loss is a number that a half can hold, and not all are numbers that a bfloat16 can hold.

    Of losses rounded to decimals some come near a half by chance; enough of them must not.
    """
    if view.history is None:
        return None
    values = np.unique(view.history.value[-_LATEST:])
    if len(values) < _ENOUGH or np.abs(values).max() > _LARGEST_HALF:
        return None
    rounding = _rounding(values)
    halves = values.astype(np.float16)
    upper = (values.astype(np.float32).view(np.uint32) + np.uint32(0x8000)) & np.uint32(0xFFFF0000)
    if (np.abs(halves - values) > rounding).any() or (np.abs(upper.view(np.float32) - values) <= rounding).all():
        return None
    by_chance = np.clip(2 * max(rounding, 1e-9) / np.abs(np.spacing(halves).astype(np.float64)), 1e-3, 1.0)
    if float(np.log10(by_chance).sum()) > _CHANCE:
        return None
    says = f"{len(values)} different losses are all 16-bit floats: the loss is computed in half precision"
    return view.point(view.history, len(view.history) - 1, says)


def _rounding(values: FloatArray) -> float:
    """Half a unit of the last decimal that the values were printed with; 0 where they have all their digits."""
    for decimals in range(2, 8):
        if (np.abs(np.round(values, decimals) - values) <= 1e-12 * np.maximum(1.0, np.abs(values))).all():
            return 0.5 * 10.0**-decimals * (1 + 1e-6)
    return 0.0


def remedies(view: View) -> Iterator[str]:
    if not view.is_caffe:
        half = half_precision(view)
        if half is not None and half.key.rpartition(".")[2] in _KEPT:
            yield "load the model in float32 (from_pretrained(..., dtype=torch.float32)) and train it with autocast"
        yield f"{view.advice.wider}: bfloat16 has the range of float32"
        yield "compute the loss (and what overflows) in float32"
        scaled = view.run.series("loss_scale") is not None or any(sign.key in _SCALED for sign in _scaler(view))
        pure = half is not None and half.key.rpartition(".")[2] in _KEPT  # scalers refuse gradients that are halves
        if not scaled and not pure:
            yield view.advice.scaler
        return
    layer = f" of '{view.located.layer}'" if view.located is not None else ""
    yield f"set forward_type, backward_type and the math types{layer} to FLOAT"
    yield "lower global_grad_scale in the net prototxt"


def next_test(view: View) -> str:
    return view.advice.full_precision


RULE = CauseRule(
    __name__,
    Cause.FP16_OVERFLOW,
    signs,
    remedies,
    next_test,
    needs=("fact:net.train.layer*", "fact:precision"),
)
