"""What the rules look at: one attempt with its onset, and the questions every rule asks of it."""

from __future__ import annotations

import math
from functools import cached_property, lru_cache

import numpy as np

from nanlog.model import Case, Evidence, FirstBad, Pattern, Phase
from nanlog.rules._curves import Curves, number
from nanlog.rules._net import Layer
from nanlog.rules._settings import PRECISION_KEYS, SEED_KEYS

__all__ = [
    "HUGE",
    "MANY_UNSEEN",
    "NORMALISATIONS",
    "PRECISION_KEYS",
    "SEED_KEYS",
    "View",
    "is_tiny",
    "number",
    "usual_rate",
    "view_of",
]

#: float32 statistics overflow from about here on (a mean absolute value is a sum divided by the count).
HUGE = 1e30
#: So many updates that nobody saw leave room for a blow-up: what grows a hundredfold with each leaves the range of
#: floats (1e38) within as many.
MANY_UNSEEN = 20
#: So many updates before the first logged one may have done it.
_UNSEEN = 5
#: A clamp is at least this many times the loss before it.
_CLAMPED = 2.0
#: ln(500): no net that guesses among a few hundred classes has a greater loss.
_ABOVE_CHANCE = math.log(500)
#: Largest rates in common recipes: 0.1 for SGD with momentum 0.9 (ResNet), 0.001 for Adam (its paper), 0.01 for the
#: others.
_USUAL_RATE = {
    **dict.fromkeys(("SGD", "NESTEROV", "ADAGRAD"), 0.1),
    **dict.fromkeys(("ADAM", "ADAMW", "ADAMAX", "NADAM", "RADAM", "RMSPROP", "ADAFACTOR"), 0.01),
    "LION": 0.001,
    "ADADELTA": 1.0,
}
#: Layers that normalise over the batch and keep running statistics.
NORMALISATIONS = ("BatchNorm", "CuDNNBatchNorm", "BN", "SyncBN")


class View(Curves):
    """Derived, read-only answers about one :class:`Case`; each is computed at most once."""

    @cached_property
    def has_debug(self) -> bool:
        """Whether activations or gradients of single layers were logged."""
        return any(name.startswith(("data/", "diff/", "param_diff/")) for name in self.run.table)

    @cached_property
    def located(self) -> FirstBad | None:
        """The first bad point that names a layer, on the training net where there is one.

        None when the parameters of several layers turn bad together: then the update did it, not a layer.
        """
        layered = [bad for bad in self.onset.order if bad.layer is not None and not self._is_one_of_all(bad)]
        training = [bad for bad in layered if not bad.series.startswith("val")] or layered
        if not training:
            return None
        first = training[0]
        if first.phase is Phase.UPDATE and not self.is_statistics(first):
            same = {bad.layer for bad in training if bad.step == first.step and bad.series.startswith("param/")}
            return first if len(same) == 1 else None
        return first

    def _is_one_of_all(self, bad: FirstBad) -> bool:
        """Whether the gradients of other layers went bad together with this one: then none of them is the place."""
        kind = bad.series.partition("/")[0]
        if kind.startswith("grad_"):
            return len({other.layer for other in self._gradients_with(bad)}) > 1
        by_layer = kind.startswith(("param_", "update_", "activation_")) and kind != "param_diff"
        return by_layer and not self._is_where_it_began(bad, kind)

    def _is_where_it_began(self, bad: FirstBad, kind: str) -> bool:
        """Whether of one quantity of all layers the first ones of the log stayed finite, and the others went bad.

        A log may name its layers in any order; where that of the net is another one the bad ones lie scattered.
        """
        layers = [name for name in self.run.table if name.startswith(f"{kind}/")]
        gone = {other.series for other in self.onset.order if other.step == bad.step}
        if kind.startswith("activation_"):
            first = layers.index(bad.series) if bad.series in layers else 0
            return first > 0 and gone.isdisjoint(layers[:first]) and gone.issuperset(layers[first:])
        return len(gone.intersection(layers)) == 1 < len(layers)

    def _gradients_with(self, bad: FirstBad) -> list[FirstBad]:
        """First bad points of the gradients of single layers at the step of ``bad``."""
        kind = f"{bad.series.partition('/')[0]}/"
        return [other for other in self.onset.order if other.series.startswith(kind) and other.step == bad.step]

    @cached_property
    def all_gradients_at_once(self) -> FirstBad | None:
        """A gradient of the onset's step, if those of all layers (two at least) turned bad there."""
        bad = next((b for b in self.onset.order if b.series.startswith("grad_norm/")), None)
        layers = {s.info.layer for name, s in self.run.table.items() if name.startswith("grad_norm/")}
        if bad is None or bad.step != self.onset.step or len(layers) < 2:
            return None
        return bad if {other.layer for other in self._gradients_with(bad)} == layers else None

    @cached_property
    def gradient_before_loss(self) -> FirstBad | None:
        """The gradient that is not finite at a step whose loss is logged and finite: forward was right, backward not.

        Only where the loss of the very step is logged, not its mean over several, and calm: a blow-up overflows in the
        squares of a norm first.
        """
        first, loss = self.first, self.loss
        if first is None or loss is None or first.step is None or not first.series.startswith("grad_"):
            return None
        same = loss.value[loss.step == first.step]
        if self.advice.framework == "transformers":
            return None  # its loss is a mean over the steps since the last log, without those that were NaN
        if loss.name != "loss" or not len(same) or not np.isfinite(same).all() or (same == 0).any():
            return None
        return first if self.growth is None else None

    def is_statistics(self, bad: FirstBad) -> bool:
        """Whether the bad blob holds running statistics, which the forward pass writes and no solver updates."""
        layer = self.net.named(bad.layer)
        return bad.phase is Phase.UPDATE and layer is not None and layer.type in NORMALISATIONS

    @cached_property
    def phase(self) -> Phase | None:
        """Phase of the first bad value, where the log holds enough to know."""
        if self.onset.pattern is Pattern.INVALID_LR:
            return Phase.LR
        training = [bad for bad in self.onset.order if not bad.series.startswith("val")] or self.onset.order
        for bad in training:
            kind = bad.series.partition("/")[0]
            by_layer = (
                bad.layer is not None and kind.startswith(("grad_", "param_", "update_")) and kind != "param_diff"
            )
            if (by_layer or bad.series.startswith("grad_norm")) and self.gradient_before_loss is None:
                return None  # a norm overflows before any element does, and it follows a bad forward pass
            if bad.layer is not None or bad.series.startswith(("lr", "grad_norm")):
                return Phase.FORWARD if self.is_statistics(bad) else bad.phase
        return None

    @cached_property
    def located_layer(self) -> Layer | None:
        return self.net.named(self.located.layer) if self.located is not None else None

    @cached_property
    def updates_before(self) -> int | None:
        """How many updates the parameters had seen in this attempt when the first bad value arose.

        None where the log does not show the beginning of the attempt.
        """
        if self.onset.step is None or not self.run.attempts or self.onset.tail or self.by_epoch:
            return None
        start = self.run.attempts[0].first_step
        return None if start is None else self.onset.step - start

    @property
    def unseen(self) -> float:
        """Updates between the last finite point and the first bad one that the log does not show; inf for epochs."""
        last, step = self.onset.last_finite_step, self.onset.step
        if last is None or step is None:
            return 0.0
        return math.inf if self.counts_epochs else max(0.0, float(step - last - 1))

    @property
    def suspect_steps(self) -> str:
        """The steps among which the bad one is: ``step 120``, ``steps 101 to 110``, ``epoch 4``."""
        step, since = self.onset.step, self.onset.earliest_step
        if step is None:
            return "the onset"
        unit = "epoch" if self.counts_epochs else "step"
        return f"{unit} {step}" if since is None or since == step else f"{unit}s {since} to {step}"

    @property
    def masked_from_start(self) -> bool:
        """The loss shows its clamp from the first logged step on: nothing drove it there."""
        begins = not (self.history is not None and len(self.history))
        shown = self.onset.pattern is Pattern.MASKED and self.onset.loss_step is not None
        return shown and begins and not self.by_epoch

    @cached_property
    def driven_to_mask(self) -> bool:
        """The masked value is a clamp above the loss before it, where a blow-up ends; not 0 and not chance."""
        value = self.onset.masked_value
        if self.onset.pattern is not Pattern.MASKED or value is None or self.masked_from_start:
            return False
        lowest = float(self.history.value.min()) if self.history is not None and len(self.history) else 0.0
        return value > max(_ABOVE_CHANCE, _CLAMPED * lowest) or (self.by_epoch and value > _ABOVE_CHANCE)

    @cached_property
    def hidden_at_start(self) -> Evidence | None:
        """The first point is bad, and tells of an epoch or of many steps: what led there is unseen."""
        loss = self.loss
        if loss is None or not len(loss) or self.last_calm("") is not None or self.onset.tail:
            return None
        if self.by_epoch:
            return self.point(loss, 0, "the mean over the first epoch is bad already; its steps are not in the log")
        if self.onset.pattern is Pattern.FROM_START and loss.step[0] >= _UNSEEN:
            says = f"the first logged step, {loss.step[0]}, is bad already; the steps before it are not in the log"
            return self.point(loss, 0, says)
        return None

    @cached_property
    def only_in_validation(self) -> Evidence | None:
        """What shows that only an evaluation is bad: the training loss is finite, at the onset and after it."""
        first, loss = self.first, self.loss
        if first is None or loss is None or not first.series.startswith("val") or not np.isfinite(loss.value).all():
            return None
        if any(not bad.series.startswith("val") for bad in self.onset.order):
            return None
        return self.point(loss, len(loss) - 1, "the training loss stays finite; only validation is bad")

    @property
    def calm(self) -> bool:
        """The loss was normal up to the last point before it broke."""
        elsewhere = self.onset.pattern is Pattern.DIVERGENCE or self.only_in_validation is not None
        return self.history is not None and len(self.history) > 0 and self.growth is None and not elsewhere

    @property
    def calm_is_known(self) -> bool:
        """The loss was normal over enough points to say so: one or two show nothing of a growth between them."""
        return self.calm and self.history is not None and len(self.history) > 2


@lru_cache(maxsize=8)
def view_of(case: Case) -> View:
    """The view of a case, shared by all rules."""
    return View(case)


def usual_rate(view: View) -> float:
    """The largest rate that common recipes give the optimiser of the run; ten times of that is unusual."""
    return usual_rate_of(view.solver_type)


def usual_rate_of(optimizer: str) -> float:
    """The same of an optimiser by its name in upper case; that of SGD where it is another."""
    return _USUAL_RATE.get(optimizer, 0.1)


def is_tiny(rate: float) -> bool:
    """A learning rate with which no update moves anything: advice to lower it would be absurd."""
    return rate == 0 or (math.isfinite(rate) and abs(rate) < 1e-7)
