"""Learning rates and schedules that no recipe has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from nanlog.model import Evidence
from nanlog.rules._hazards._stated import Setting, Stated
from nanlog.rules._settings import optimizer_in
from nanlog.rules._view import View, number, usual_rate_of

__all__ = ["rates"]

_RATES = ("lr", "learning_rate", "base_lr", "lr0", "max_lr", "warmup_max_lr", "peak_lr", "init_lr")
_STEPS_OF_DECAY = (
    *("decay_steps", "decay_iters", "lr_decay_steps", "lr_decay_iters", "t_max", "total_iters", "t_0"),
    "total_num_steps",
)
_WARMUPS = ("warmup_steps", "warmup_num_steps", "warmup_iters", "num_warmup_steps", "lr_warmup_iters")
_LENGTHS = ("max_steps", "total_num_steps", "total_steps", "max_iters", "train_iters", "num_training_steps")
#: What holds the arguments of an object, beside its kind.
_ARGUMENTS = re.compile(r"\.(?:init_args|params|config)$")
#: A rate this many times what recipes give the optimiser is far above it (the same as of the rule lr_too_high).
_FAR = 10.0


def rates(view: View, stated: Stated) -> Iterator[Evidence]:
    for setting in stated.named(*_RATES):
        if (value := setting.number) is not None:
            yield from _rate(view, stated, setting, value)
    for setting in stated.named(*_STEPS_OF_DECAY):
        if setting.number == 0:
            yield view.stated(setting.fact, f"{setting.key}: 0 makes the schedule divide by zero")
    for setting in stated.named("gamma", "lr_gamma"):
        value = setting.number
        in_schedule = setting.key == "lr_gamma" or "scheduler" in setting.parent
        if value is not None and value > 1 and in_schedule:
            yield view.stated(setting.fact, f"{setting.key}: {number(value)} lets the schedule raise the rate for ever")
    yield from _warmup(view, stated)


def _rate(view: View, stated: Stated, setting: Setting, value: float) -> Iterator[Evidence]:
    key, optimizer = setting.key, _optimizer(view, stated, setting)
    usual = usual_rate_of(optimizer)
    is_bounded = optimizer == "SGD" and view.clips is not None  # no step is longer than the rate times the clipped norm
    if not math.isfinite(value) or value < 0:
        yield view.stated(setting.fact, f"{key}: {number(value)} is no learning rate")
    elif not optimizer or is_bounded:
        pass
    elif value >= _FAR * usual:
        says = f"{key}: {number(value)} is {number(value / usual)} times the largest that common recipes give"
        yield view.stated(setting.fact, f"{says} {optimizer} ({number(usual)})")
    elif value > usual and (warmup := _none(stated)) is not None:
        says = f"{key}: {number(value)} is more than common recipes give {optimizer} ({number(usual)}), and"
        says += f" {warmup.key}: 0 takes it from the first step on (Goyal et al. 2017 warm such rates up)"
        yield view.stated(setting.fact, says)
    decay = stated.beside(setting, "weight_decay")
    if decay is not None and decay.number is not None and 2 <= value * decay.number < math.inf:
        says = f"{key} times weight_decay is {number(value * decay.number)}: from 2 on every step makes the weights"
        yield view.stated(setting.fact, says + " larger (they are multiplied by 1 minus that)")


def _optimizer(view: View, stated: Stated, setting: Setting) -> str:
    """The optimiser that a rate is of, in upper case: the one whose arguments it stands among, else that of the run."""
    holder = _ARGUMENTS.sub("", setting.parent)
    kinds = (kind for kind in stated.named("type", "class_path", "class_name", "_target_") if kind.parent == holder)
    return next(filter(None, (optimizer_in(kind.word) for kind in kinds)), "") or view.solver_type


def _none(stated: Stated) -> Setting | None:
    """The setting by which there is no warm-up, where one says so and none says otherwise."""
    said = [
        setting for setting in stated.named(*_WARMUPS, "warmup_ratio", "warmup_epochs") if setting.number is not None
    ]
    return said[0] if said and all(setting.number == 0 for setting in said) else None


def _warmup(view: View, stated: Stated) -> Iterator[Evidence]:
    warm, most = stated.number(*_WARMUPS), stated.number(*_LENGTHS)
    if warm is not None and most is not None and 0 < (most.number or 0) <= (warm.number or 0):
        says = f"the warm-up of {warm.fact.value} steps never ends: there are {most.fact.value} in all"
        yield view.stated(warm.fact, says)
    ratio = stated.number("warmup_ratio", "lr_warmup_fraction")
    if ratio is not None and ratio.number is not None and ratio.number == 1:
        yield view.stated(ratio.fact, f"{ratio.key}: {ratio.fact.value} lets the warm-up last as long as the training")
