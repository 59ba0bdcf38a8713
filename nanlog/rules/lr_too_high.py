"""The learning rate is too high for this net, batch size and loss.

What it sees
    The loss, the gradient norm or the parameters grow over several logged points before they leave the range of
    floats; the rate is large for the solver, or was raised shortly before.

Why it ends in NaN
    Each step overshoots the minimum by more than the one before; the parameters grow exponentially until a product
    of them overflows to inf, and inf - inf or 0 * inf is NaN.

Fires on
    lr_too_high_linear_debug, lr_too_high_stays_finite, resumed_with_higher_lr, lr_too_high_state,
    clipped_probabilities, lr_step_up_megatron, lr_too_high_adam_nanogpt

Quiet on
    healthy_rising_lr, healthy_gradient_clipping, nan_label_debug, average_pooling_stride_gt_kernel_debug

What to do
    Divide ``base_lr`` by ten, or the ``loss_weight`` of the head that blew up; add ``clip_gradients``; warm up.
    Resume from a snapshot taken before the loss left its normal range, not merely before the NaN.

May be wrong when
    The log shows only every hundredth iteration: a jump may hide growth.  A bad batch can start growth as well;
    then the same batch at a tenth of the rate still produces a large loss.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, Pattern, Phase, Sign
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View, is_tiny, number, usual_rate


def signs(view: View) -> Iterator[Sign]:
    yield from _grown(view)
    yield from _rate(view)
    yield from _against(view)
    if (hidden := view.hidden_at_start) is not None:
        yield view.sign("hidden_at_start", hidden)


def _grown(view: View) -> Iterator[Sign]:
    growth, history = view.growth, view.history
    if growth is not None and history is not None and view.onset.pattern is not Pattern.INVALID_LR:
        start, end = history.step[growth.start], history.step[-1]
        key = "growth_one_point" if growth.points == 1 else "growth_several_points"
        says = f"the loss leaves its normal level of about {number(growth.level)} at step {start}"
        says += f" and reaches {number(growth.peak)} by step {end}"
        yield view.sign(key, view.point(history, int(np.argmax(history.value)), says))
    for name, words in (("grad_norm", "gradient norm"), ("param_norm", "norm of all parameters")):
        found = view.growth_of(name)
        if found is not None and view.onset.order and found[1].points > 1:
            part, grown = found
            says = f"the {words} grows from about {number(grown.level)} to {number(grown.peak)} before the onset"
            yield view.sign(f"{name}_growth", view.point(part, int(np.argmax(part.value)), says))
    driven = view.onset.pattern is Pattern.DIVERGENCE or view.driven_to_mask
    if driven and view.loss is not None:
        at = view.onset.departure_step if view.onset.departure_step is not None else view.onset.step
        index = int(np.argmax(view.loss.value))
        says = f"the loss is driven up to {number(float(view.loss.value[index]))} and does not come back"
        if at is not None:
            says += f"; it left its normal range at step {at}"
        yield view.sign("driven_up", view.point(view.loss, index, says))
    spike = _earlier_spike(view)
    if spike is not None:
        yield spike
    since, step = view.onset.earliest_step, view.onset.step
    if growth is None and since is not None and step is not None and not view.has_debug and view.first is not None:
        says = f"steps {since} to {step - 1} are not in the log: growth between them would not be seen"
        yield view.sign("steps_not_shown", view.seen(view.first, says))


def _earlier_spike(view: View) -> Sign | None:
    """An excursion to ten times the normal level that recovered: the training was already on the edge."""
    history = view.history
    if history is None or len(history) < 4 or view.growth is not None or not view.onset.order:
        return None
    level = float(np.median(history.value))
    later = history.value[1:]
    index = int(np.argmax(later)) + 1
    first = abs(float(history.value[0]))
    if history.value[index] > 10 * max(abs(level), first, 1e-30):
        says = f"the loss had already jumped to {number(float(history.value[index]))} and come back"
        return view.sign("earlier_spike", view.point(history, index, says))
    return None


def _rate(view: View) -> Iterator[Sign]:
    rate, before = view.rate, view.rate_before
    if rate is None or before is None or view.onset.pattern is Pattern.HEALTHY:
        return
    value, index = before
    usual = usual_rate(view)
    if abs(value) > usual:
        named = f" for {view.solver_type}" if view.solver_type else ""
        key = "rate_far_above_usual" if abs(value) >= 10 * usual else "rate_above_usual"
        says = f"lr = {number(value)}; common recipes{named} stay at or below {number(usual)}"
        yield view.sign(key, view.point(rate, index, says))
    first = float(rate.value[0])
    if np.isfinite(first) and abs(value) > 2 * abs(first) > 0:
        says = f"the rate rose from {number(first)} to {number(value)} before the onset"
        yield view.sign("rate_rose", view.point(rate, index, says))
    earlier = view.case.whole.series("lr")
    attempt = view.onset.attempt
    if earlier is not None and attempt > 0:
        previous = earlier.where((earlier.attempt == attempt - 1) & np.isfinite(earlier.value))
        if len(previous) and abs(value) > 2 * abs(float(previous.value[-1])) > 0:
            says = (
                f"the attempt before ran with lr = {number(float(previous.value[-1]))}, this one with {number(value)}"
            )
            yield view.sign("rate_raised_at_restart", view.point(previous, len(previous) - 1, says))


def _against(view: View) -> Iterator[Sign]:
    before, rate = view.rate_before, view.rate
    if before is not None and rate is not None and is_tiny(before[0]):
        says = f"the rate is {number(before[0])}: no update can have blown anything up"
        yield view.sign("rate_is_tiny", view.point(rate, before[1], says))
    first = view.first
    if first is None:
        return
    if view.only_in_validation is not None:
        yield view.sign("only_in_validation", view.only_in_validation)
    if first.phase is Phase.INPUT:
        yield view.sign("input_first", view.seen(first, "the input itself is the first thing to go bad"))
    elif view.updates_before == 0 and view.hidden_at_start is None and _from_start(view):
        yield view.sign(
            "before_any_update", view.seen(first, "non-finite before the first update: no rate is to blame")
        )
    elif view.calm_is_known and not view.has_debug and (last := view.last_calm("the last logged loss is still normal")):
        yield view.sign("calm_before", last)
    elif view.calm and view.has_debug and view.growth_of("grad_norm") is None and view.growth_of("param_norm") is None:
        last = view.last_calm("loss, gradients and parameters are normal up to the step before")
        if last is not None:
            yield view.sign("all_calm_before", last)


def _from_start(view: View) -> bool:
    return view.onset.pattern is Pattern.FROM_START or view.masked_from_start


def remedies(view: View) -> Iterator[str]:
    before = view.rate_before
    heads = [name for name in view.run.table if name.startswith("loss/")]
    if len(heads) > 1 and (grown := _worst_head(view, heads)):
        where = "loss_weight of '{}' in the net prototxt" if view.is_caffe else "weight of the loss '{}'"
        yield f"lower the {where.format(grown)}: that head blew up"
    if before is not None and not is_tiny(before[0]):
        yield f"set {view.advice.rate} to {number(abs(before[0]) / 10)} (now {number(before[0])})"
    elif before is None:
        yield f"divide {view.advice.rate} by 10"
    if view.clips is None:
        yield view.advice.clip
    if view.onset.last_good_checkpoint:
        yield f"resume from {view.onset.last_good_checkpoint}, taken before the growth began"


def _worst_head(view: View, heads: list[str]) -> str | None:
    """The head that grew most, by the ratio of its last finite values to its median."""
    ratios = []
    for name in heads:
        series = view.run.table[name]
        finite = series.value[np.isfinite(series.value)]
        if len(finite) > 1:
            ratios.append((abs(float(finite[-1])) / max(abs(float(np.median(finite))), 1e-30), name))
    return max(ratios)[1].partition("/")[2] if ratios else None


def next_test(view: View) -> str:
    where = view.onset.departure_step if view.onset.departure_step is not None else view.onset.last_finite_step
    begin = view.onset.last_good_checkpoint or "the start"
    until = f" past step {where}" if where is not None else ""
    trial = f"{view.advice.rate.partition(' ')[0]} / 10, {view.advice.inside}"
    return f"run again from {begin}{until} with {trial}; if it still breaks, it is not the rate"


RULE = CauseRule(
    __name__,
    Cause.LR_TOO_HIGH,
    signs,
    remedies,
    next_test,
    needs=("lr", "grad_norm"),
    how="gradients",
)
