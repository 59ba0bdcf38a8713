"""The schedule computes an invalid or absurd learning rate.

What it sees
    A rate that is nan, inf or negative; a rate that grows without bound; solver parameters that must lead there:
    poly without ``max_iter`` or past it, negative ``gamma`` or ``power``, an exponent above one, a momentum of one; a
    decay over 0 steps, a warm-up that is longer than the training.

Why it ends in NaN
    One update with a rate of nan or inf makes every parameter NaN at once; a rate that grows exponentially does so
    a little later, by way of a blow-up.

Fires on
    poly_without_max_iter_pycaffe, schedule_turns_nan, schedule_turns_nan_filtered, schedule_turns_nan_lightning,
    exponential_schedule

Quiet on
    healthy_rising_lr, healthy_warm_restarts, healthy_cosine_schedule, lr_too_high_linear_debug,
    lr_step_up_megatron, resumed_with_higher_lr, nan_label_debug, sqrt_of_zero_debug

What to do
    Correct the named parameter of the policy and print the schedule before training.

May be wrong when
    The rate rises on purpose (warm-up) and the net breaks for another reason at the same time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, Fact, Pattern, Series, Sign
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View, number, usual_rate

#: A rate that rises at every logged step until the onset, to ten times its first value and above all that recipes
#: take, is no warm-up.
_ENDLESS = 10.0
_RISING = 5
#: Rates are printed with three digits or more.
_SAME_FACTOR = 0.05
_STEPS_OF_DECAY = ("decay_steps", "decay_iters", "lr_decay_steps", "lr_decay_iters", "t_max", "total_iters", "t_0")


def signs(view: View) -> Iterator[Sign]:
    rate = view.rate
    if rate is not None and view.onset.pattern is not Pattern.HEALTHY:
        bad = np.flatnonzero(~np.isfinite(rate.value))
        own = [point for point in view.onset.order if point.series == "lr"]
        if len(bad) and own and view.onset.pattern is Pattern.INVALID_LR:
            index = int(bad[0])
            says = f"lr = {number(float(rate.value[index]))} at step {rate.step[index]}"
            if index:
                says += f", after {number(float(rate.value[index - 1]))} at step {rate.step[index - 1]}"
            yield view.sign("rate_not_finite", view.point(rate, index, says))
        elif len(bad) and own:
            index = int(bad[0])
            says = f"lr reaches {number(float(rate.value[index]))} later in the log: the schedule has no bound"
            yield view.sign("rate_not_finite_later", view.point(rate, index, says))
        yield from _absurd(view, rate)
    if view.onset.pattern is not Pattern.HEALTHY:
        yield from _parameters(view)
        yield from _settings(view)


def _absurd(view: View, rate: Series) -> Iterator[Sign]:
    kept = np.isfinite(rate.value)
    if view.onset.pattern is not Pattern.DIVERGENCE:
        kept &= view.before_onset(rate)
    part = rate.where(kept)
    negative = np.flatnonzero(part.value < 0)
    if len(negative):
        index = int(negative[0])
        yield view.sign(
            "rate_negative", view.point(part, index, f"lr = {number(float(part.value[index]))} is negative")
        )
    if len(part) < 2:
        return
    size = np.abs(part.value)
    base = float(size[0]) or float(size[size > 0].min(initial=math.inf))
    index = int(np.argmax(size))
    times = float(size[index]) / base if base and math.isfinite(base) else 1.0
    # A warm-up multiplies the first printed rate by tens and then stops; a schedule without bound goes on.
    if times >= 100 and size[index] > 1.0:
        says = f"the schedule raised the rate from {number(base)} to {number(float(size[index]))}"
        yield view.sign("rate_exploded", view.point(part, index, says))
    elif times >= _ENDLESS and len(part) >= _RISING and (factor := _growth_factor(part)) is not None:
        says = (
            f"the rate grows by a factor of {factor:.3g} a point, from {number(base)} to {number(float(size[index]))}"
        )
        yield view.sign("rate_grows_exponentially", view.point(part, index, f"{says}: no warm-up does that"))
    elif times >= _ENDLESS and size[index] > usual_rate(view) and len(part) >= _RISING and _always_rises(part):
        says = f"the rate rises from {number(base)} to {number(float(size[index]))} and never stops rising"
        yield view.sign("rate_never_stops", view.point(part, index, says))


def _growth_factor(rate: Series) -> float | None:
    """By how much the rate is multiplied from each logged point to the next; None where it is not always the same.

    A warm-up adds the same to it each time, so that its factors fall.
    """
    if not _always_rises(rate) or rate.value[0] <= 0:
        return None
    apart = np.diff(rate.step)
    logs = np.diff(np.log(rate.value)) / np.maximum(apart, 1)
    same = bool(np.all(np.abs(logs - np.median(logs)) <= _SAME_FACTOR * np.median(logs)))
    return float(np.exp(np.median(logs) * np.median(apart))) if same else None


def _always_rises(rate: Series) -> bool:
    return bool(np.all(np.diff(rate.value) > 0))


def _parameters(view: View) -> Iterator[Sign]:
    policy = view.solver("lr_policy")
    name = str(policy.value) if policy is not None else ""
    gamma, power = view.solver("gamma"), view.solver("power")
    if name == "poly" and policy is not None and view.solver("max_iter") is None:
        yield view.sign("poly_without_max_iter", view.stated(policy, "lr_policy: poly, and no max_iter: 0/0 at step 0"))
    maximum = view.solver("max_iter")
    if name == "poly" and maximum is not None and view.rate is not None and len(view.rate):
        past = np.flatnonzero(view.rate.step > view.solver_number("max_iter", math.inf))
        if len(past) and not np.isfinite(view.rate.value[past]).all():
            says = f"the training went on past max_iter: {maximum.value}, where poly takes a root of a negative number"
            yield view.sign("poly_past_max_iter", view.stated(maximum, says))
    value = view.solver_number("gamma", 1.0)
    if gamma is not None and not math.isfinite(value):
        yield view.sign("gamma_absurd", view.stated(gamma, f"gamma: {number(value)} in a {name} schedule"))
    elif gamma is not None and value < 0 and name in ("exp", "step", "multistep", "inv"):
        yield view.sign("gamma_absurd", view.stated(gamma, f"gamma: {number(value)} is negative in a {name} schedule"))
    elif gamma is not None and value > 1 and name in ("exp", "step", "multistep"):
        key = "gamma_far_above_one" if value >= 2 else "gamma_above_one"
        yield view.sign(key, view.stated(gamma, f"gamma: {number(value)} in a {name} schedule: the rate grows"))
    if power is not None and view.solver_number("power", 1.0) < 0 and name in ("poly", "inv"):
        yield view.sign(
            "power_negative", view.stated(power, f"power: {power.value} in a {name} schedule: the rate grows")
        )
    base = view.solver("base_lr")
    if base is not None and not math.isfinite(view.solver_number("base_lr", 0.0)):
        yield view.sign("base_lr_not_finite", view.stated(base, f"base_lr: {base.value}"))
    momentum = view.solver("momentum")
    if momentum is not None and view.solver_number("momentum", 0.0) >= 1:
        says = f"momentum: {momentum.value}; {view.solver_type} needs less than 1"
        if view.solver_type == "ADAM":
            says += " (its bias correction divides by 1 - momentum)"
        yield view.sign("momentum_one", view.stated(momentum, says))


def _settings(view: View) -> Iterator[Sign]:
    """Hyper-parameters of a schedule that cannot work."""
    decay = view.setting(*_STEPS_OF_DECAY)
    if decay is not None and _whole(decay) == 0:
        name = decay.key.rpartition(".")[2]
        yield view.sign("decay_over_no_steps", view.stated(decay, f"{name}: 0, by which the schedule divides"))
    warm, most = view.setting("warmup_steps"), view.setting("max_steps", "total_steps", "max_iters")
    if warm is not None and most is not None and 0 < _whole(most) <= _whole(warm) and view.growth is not None:
        says = f"a warm-up of {warm.value} steps in a training of {most.value}: the rate rises to the end"
        yield view.sign("warm_up_without_end", view.stated(warm, says))


def _whole(fact: Fact) -> float:
    """The number that a setting states; -1 for what is none."""
    try:
        return -1.0 if isinstance(fact.value, bool) else float(fact.value)
    except ValueError:
        return -1.0


def remedies(view: View) -> Iterator[str]:
    keys = {sign.key for sign in signs(view)}
    if "poly_without_max_iter" in keys:
        yield "set max_iter in solver.prototxt: the poly policy divides by it"
    if "poly_past_max_iter" in keys:
        yield "raise max_iter in solver.prototxt to at least the number of steps you take, or stop at max_iter"
    if keys & {"gamma_absurd", "gamma_far_above_one", "gamma_above_one"}:
        yield "set gamma in solver.prototxt between 0 and 1"
    if "power_negative" in keys:
        yield "set power in solver.prototxt above 0"
    if "base_lr_not_finite" in keys:
        yield "set base_lr in solver.prototxt to a finite number"
    if "momentum_one" in keys:
        yield "set momentum in solver.prototxt below 1 (0.9 is usual)"
    if "decay_over_no_steps" in keys and (decay := view.setting(*_STEPS_OF_DECAY)) is not None:
        yield f"set {decay.key.rpartition('.')[2]} to the number of steps over which the rate is to fall"
    if "warm_up_without_end" in keys:
        yield "end the warm-up within the first tenth of the training"
    if "rate_grows_exponentially" in keys:
        yield "give the exponential schedule a factor (gamma) below 1: above it the rate grows without end"
    if not keys & _NAMED:
        yield view.advice.schedule


_NAMED = {
    "poly_without_max_iter",
    "poly_past_max_iter",
    "gamma_absurd",
    "gamma_far_above_one",
    "gamma_above_one",
    "power_negative",
    "base_lr_not_finite",
    "momentum_one",
    "decay_over_no_steps",
    "warm_up_without_end",
    "rate_grows_exponentially",
}


def next_test(view: View) -> str:
    return view.advice.schedule_test


RULE = CauseRule(
    __name__,
    Cause.BAD_LR_POLICY,
    signs,
    remedies,
    next_test,
    needs=("lr",),
)
