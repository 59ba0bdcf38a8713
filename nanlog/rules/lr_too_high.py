"""The learning rate is too high for this net, batch size and loss.

What it sees
    The loss, the gradient norm or the parameters grow over several logged points before they leave the range of
    floats; updates are as large as the parameters themselves; the rate is large for the solver, or was raised shortly
    before.

Why it ends in NaN
    Each step overshoots the minimum by more than the one before; the parameters grow exponentially until a product
    of them overflows to inf, and inf - inf or 0 * inf is NaN.

Fires on
    lr_too_high_linear_debug, lr_too_high_stays_finite, resumed_with_higher_lr, lr_too_high_state,
    clipped_probabilities, lr_step_up_megatron, lr_too_high_adam_nanogpt

Quiet on
    healthy_rising_lr, healthy_gradient_clipping, healthy_warm_restarts, healthy_policy_gradient,
    healthy_noisy_imagenet_example, nan_label_debug, average_pooling_stride_gt_kernel_debug,
    sqrt_of_zero_nested_gradients, nan_batch_filtered, infinite_input_truncated, exponential_schedule

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

from nanlog.model import Cause, Evidence, Pattern, Phase, Series, Sign
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import MANY_UNSEEN, View, is_tiny, number, usual_rate

#: An update is about a thousandth of the weights in a training that goes well; a tenth rewrites them in ten steps.
_LARGE_UPDATE = 0.1
#: Growth so many logged points after a rise of the rate is due to it.
_SOON_AFTER = 10


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
        if growth.points == 1:
            says = f"the loss jumps from its normal level of about {number(growth.level)} to {number(growth.peak)}"
            says += f" at step {start}, the last logged one before it breaks"
        yield view.sign(key, view.point(history, int(np.argmax(history.value)), says))
        yield from _one_head(view)
    yield from _large_updates(view)
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
        if view.last_calm("") is None:
            says = f"the loss reaches {number(float(view.loss.value[index]))} before the first logged point, or at it,"
            says += " and does not come back"
        elif at is not None:
            says += f"; it left its normal range at step {at}"
        yield view.sign("driven_up", view.point(view.loss, index, says))
    spike = _earlier_spike(view)
    if spike is not None:
        yield spike
    since, step = view.onset.earliest_step, view.onset.step
    if growth is None and since is not None and step is not None and not view.has_debug and view.first is not None:
        missing = f"step {since} is" if since == step - 1 else f"steps {since} to {step - 1} are"
        says = f"{missing} not in the log: growth there would not be seen"
        yield view.sign("steps_not_shown", view.seen(view.first, says))


def _one_head(view: View) -> Iterator[Sign]:
    """Of several losses one alone grew: the rate is the same for all of them."""
    heads = [name for name in view.run.table if name.startswith("loss/")]
    grown = [name for name in heads if (found := view.growth_of(name)) is not None and found[1].points > 1]
    if len(heads) > 1 and len(grown) == 1:
        series = view.run.table[grown[0]]
        finite = series.where(np.isfinite(series.value))
        says = f"of {len(heads)} losses {grown[0]} alone grows; the rate is the same for all"
        yield view.sign("one_head_grew", view.point(finite, int(np.argmax(finite.value)), says))


def _large_updates(view: View) -> Iterator[Sign]:
    """The largest update of a weight beside the weight, up to where the growth began (a blow-up enlarges all)."""
    until = view.onset.departure_step if view.onset.departure_step is not None else view.onset.last_finite_step
    if until is None:
        return
    largest: tuple[float, Series, int] | None = None
    for name, update in view.run.table.items():
        weight = view.run.series(f"param/{name.removeprefix('update/')}")
        if not name.startswith("update/") or not name.endswith("/0") or weight is None:
            continue
        _, at, its = np.intersect1d(update.step, weight.step, return_indices=True)
        kept = (update.step[at] <= until) & (weight.value[its] > 0) & np.isfinite(update.value[at])
        at, its = at[kept], its[kept]
        if len(at):
            ratio = update.value[at] / weight.value[its]
            index = int(np.argmax(ratio))
            if largest is None or ratio[index] > largest[0]:
                largest = (float(ratio[index]), update, int(at[index]))
    if largest is not None and largest[0] >= _LARGE_UPDATE:
        ratio_, update, index = largest
        says = f"the update of step {update.step[index]} is {number(ratio_)} times the weights of '{update.info.layer}'"
        yield view.sign("update_as_large", view.point(update, index, f"{says}; about 0.001 is usual"))


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
    if abs(value) > usual * (1 + 1e-6):  # a rate of 0.1 as a 32-bit float is a little more
        named = f" for {view.solver_type}" if view.solver_type else ""
        key = "rate_far_above_usual" if abs(value) >= 10 * usual else "rate_above_usual"
        says = f"lr = {number(value)}; common recipes{named} stay at or below {number(usual)}"
        yield view.sign(key, view.point(rate, index, says))
    first = float(rate.value[0])
    if (raised := _raised_before_growth(view, rate)) is not None:
        yield view.sign("growth_after_rise", raised)
    elif np.isfinite(first) and abs(value) > 2 * abs(first) > 0:
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


def _raised_before_growth(view: View, rate: Series) -> Evidence | None:
    """The loss left its normal range within a few logged points of a rise of the rate to twice its value or more."""
    step = view.onset.departure_step
    if view.growth is None or step is None:
        return None
    where = np.flatnonzero((rate.step <= step) & np.isfinite(rate.value))[-1 - _SOON_AFTER :]
    if len(where) < 2:
        return None
    value = np.abs(rate.value[where])
    rise = np.flatnonzero(value[1:] >= 2 * value[:-1]) + 1
    if not len(rise) or not value[rise[-1] - 1]:
        return None
    index = int(where[rise[-1]])
    old, new, at = number(float(rate.value[index - 1])), number(float(rate.value[index])), int(rate.step[index])
    says = f"the rate is raised from {old} to {new} at step {at}; the loss leaves its normal range at step {step}"
    return view.point(rate, index, says)


def _failed_before(view: View) -> Evidence | None:
    """An attempt before this one that broke although its rate was lower by half or more."""
    before, loss = view.rate_before, view.loss
    rates = view.case.whole.series("lr")
    whole = view.case.whole.series(loss.name) if loss is not None else None
    if before is None or whole is None or rates is None:
        return None
    broken = whole.where((whole.attempt < view.onset.attempt) & ~np.isfinite(whole.value))
    for index, attempt in enumerate(broken.attempt.tolist()):
        own = np.abs(rates.value[(rates.attempt == attempt) & np.isfinite(rates.value)])
        if len(own) and own.max() <= abs(before[0]) / 2:
            says = f"attempt {attempt + 1} broke as well, at step {broken.step[index]}, with a rate of at most "
            return view.point(broken, index, says + number(float(own.max())))
    return None


def _against(view: View) -> Iterator[Sign]:
    before, rate = view.rate_before, view.rate
    if before is not None and rate is not None and is_tiny(before[0]):
        says = f"the rate is {number(before[0])}: no update can have blown anything up"
        yield view.sign("rate_is_tiny", view.point(rate, before[1], says))
    if (failed := _failed_before(view)) is not None:
        yield view.sign("failed_with_lower_rate", failed)
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
    elif view.calm_is_known and not view.has_debug and (last := view.last_calm(_still_calm(view))):
        yield view.sign("calm_before_unseen_steps" if view.unseen >= MANY_UNSEEN else "calm_before", last)
    elif view.calm and view.has_debug and view.growth_of("grad_norm") is None and view.growth_of("param_norm") is None:
        last = view.last_calm("loss, gradients and parameters are normal up to the step before")
        if last is not None:
            yield view.sign("all_calm_before", last)


def _still_calm(view: View) -> str:
    value = number(float(view.history.value[-1])) if view.history is not None and len(view.history) else "?"
    return f"the last loss before the onset is still normal ({value})"


def _from_start(view: View) -> bool:
    return view.onset.pattern is Pattern.FROM_START or view.masked_from_start


def remedies(view: View) -> Iterator[str]:
    before = view.rate_before
    contradicted = _failed_before(view) is not None or (view.updates_before == 0 and _from_start(view))
    heads = [name for name in view.run.table if name.startswith("loss/")]
    if len(heads) > 1 and (grown := _worst_head(view, heads)):
        where = "loss_weight of '{}' in the net prototxt" if view.is_caffe else "weight of the loss '{}'"
        yield f"lower the {where.format(grown)}: that head blew up"
    if not contradicted and before is not None and not is_tiny(before[0]):
        lower, usual = abs(before[0]) / 10, usual_rate(view)
        to = f"{number(usual)} or less" if lower > usual else number(lower)
        yield f"set {view.advice.rate} to {to} (now {number(before[0])})"
    elif not contradicted and before is None:
        yield f"divide {view.advice.rate} by 10"
    if view.clips is None and not (before is not None and is_tiny(before[0])):
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
)
