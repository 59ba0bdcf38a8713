"""What the rules look at: one attempt with its onset, and the questions every rule asks of it."""

from __future__ import annotations

import math
import re
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from nanlog.model import Case, Evidence, Fact, FirstBad, Pattern, Phase, Run, Series, Sign
from nanlog.onset import Growth, growth_to_end, main_loss
from nanlog.rules._advice import Advice
from nanlog.rules._frameworks import advice_for
from nanlog.rules._net import Layer, Net, train_net

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
_MODEL_LAYER = re.compile(r"model\.layer\[\d+\]\.type")
_OPTIMIZER_KEYS = ("optimizer", "optim", "opt", "optimizer_name", "optimizer_type", "optimiser")
#: Longest first: adamw is no adam.
_OPTIMIZERS = (
    *("adadelta", "adagrad", "adafactor", "adamax", "adamw", "nadam", "radam", "adam"),
    *("rmsprop", "lion", "sgd"),
)
#: Largest rates in common recipes: 0.1 for SGD with momentum 0.9 (ResNet), 0.001 for Adam (its paper), 0.01 for the
#: others.
_USUAL_RATE = {
    **dict.fromkeys(("SGD", "NESTEROV", "ADAGRAD"), 0.1),
    **dict.fromkeys(("ADAM", "ADAMW", "ADAMAX", "NADAM", "RADAM", "RMSPROP", "ADAFACTOR"), 0.01),
    "LION": 0.001,
    "ADADELTA": 1.0,
}
#: Hyper-parameters that say in which precision a net computes, and what its random numbers begin with.
PRECISION_KEYS = frozenset(
    (
        *(
            "precision",
            "mixed_precision",
            "dtype",
            "torch_dtype",
            "amp_dtype",
            "half_precision_backend",
            "dtype_policy",
        ),
        *("fp16", "bf16"),
    )
)
SEED_KEYS = frozenset(("seed", "random_seed", "manual_seed", "global_seed"))
_CLIP_KEYS = ("gradient_clip_val", "max_grad_norm", "grad_clip", "clip_grad", "clip_grad_norm", "clipnorm", "clip_norm")
#: Layers that normalise over the batch and keep running statistics.
NORMALISATIONS = ("BatchNorm", "CuDNNBatchNorm", "BN", "SyncBN")


class View:
    """Derived, read-only answers about one :class:`Case`; each is computed at most once."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.run: Run = case.run
        self.onset = case.onset

    @cached_property
    def net(self) -> Net:
        return train_net(self.run)

    @cached_property
    def loss(self) -> Series | None:
        """The training loss; where it is masked, the one of its series that shows the mask."""
        shown = next((bad.series for bad in self.onset.order if np.isfinite(bad.value)), None)
        masked = self.run.series(shown) if self.onset.pattern is Pattern.MASKED and shown is not None else None
        return masked if masked is not None else main_loss(self.run)

    @cached_property
    def advice(self) -> Advice:
        return advice_for(self.case.whole)

    @property
    def is_caffe(self) -> bool:
        return self.advice.framework == "caffe"

    def solver(self, key: str) -> Fact | None:
        return self.run.fact(f"solver.{key}")

    def solver_number(self, key: str, default: float) -> float:
        """A numeric solver parameter; ``default`` (what Caffe assumes) where it is not printed."""
        fact = self.solver(key)
        return float(fact.value) if fact is not None and isinstance(fact.value, int | float) else default

    @property
    def knows_solver(self) -> bool:
        return any(fact.key.startswith("solver.") for fact in self.run.facts)

    @cached_property
    def solver_type(self) -> str:
        """The optimiser in upper case; what the framework takes by itself where nothing tells, else ""."""
        fact = self.solver("type") or self.solver("solver_type")
        return str(fact.value).upper() if fact is not None else self._optimizer or self.advice.optimizer

    @cached_property
    def _optimizer(self) -> str:
        """The optimiser by a hyper-parameter of that name, or by the name its rate is logged under (``lr-AdamW``)."""
        said = [str(f.value) for f in self.run.facts if f.key.rpartition(".")[2].lower() in _OPTIMIZER_KEYS]
        said += [s.info.original for name, s in self.run.table.items() if name == "lr" or name.startswith("lr/")]
        found = (word.upper() for text in said for word in _OPTIMIZERS if word in text.lower())
        return next(found, "")

    def setting(self, *words: str) -> Fact | None:
        """A hyper-parameter whose last name is one of ``words``, as a framework or a script printed it."""
        named = (f for f in reversed(self.run.facts) if f.key.rpartition(".")[2].lower() in words)
        return next((fact for fact in named if not fact.key.startswith(("net.", "shape."))), None)

    def layer_of_type(self, word: str) -> Fact | None:
        """A layer of the model that a framework's summary lists, by a part of its type (``BatchNorm``)."""
        return next((f for f in self.run.facts if _MODEL_LAYER.fullmatch(f.key) and word in str(f.value)), None)

    @cached_property
    def clips(self) -> Fact | None:
        """The setting that clips gradients, where the log names one that does."""
        fact = self.solver("clip_gradients") or self.setting(*_CLIP_KEYS)
        off = fact is None or fact.value in (0, "0", "0.0", "None", "null", "", False)
        return None if off else fact

    @cached_property
    def has_debug(self) -> bool:
        """Whether activations or gradients of single layers were logged."""
        return any(name.startswith(("data/", "diff/", "param_diff/")) for name in self.run.table)

    @cached_property
    def first(self) -> FirstBad | None:
        return self.onset.order[0] if self.onset.order else None

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
        if not bad.series.startswith("grad_norm/"):
            return False
        return len({other.layer for other in self._gradients_with(bad)}) > 1

    def _gradients_with(self, bad: FirstBad) -> list[FirstBad]:
        """First bad points of the gradients of single layers at the step of ``bad``."""
        return [other for other in self.onset.order if other.series.startswith("grad_norm/") and other.step == bad.step]

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
        if first is None or loss is None or first.step is None or not first.series.startswith("grad_norm"):
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
            if bad.series.startswith("grad_norm") and self.gradient_before_loss is None:
                return None  # a norm overflows before any element does, and the norm follows a bad forward pass
            if bad.layer is not None or bad.series.startswith(("lr", "grad_norm")):
                return Phase.FORWARD if self.is_statistics(bad) else bad.phase
        return None

    @cached_property
    def located_layer(self) -> Layer | None:
        return self.net.named(self.located.layer) if self.located is not None else None

    @cached_property
    def history(self) -> Series | None:
        """Finite points of the loss before its own first bad one (all of them where it never goes bad)."""
        if self.loss is None:
            return None
        kept = np.isfinite(self.loss.value)
        own = next((bad for bad in self.onset.order if bad.series == self.loss.name), None)
        if own is not None:
            kept &= self.earlier(self.loss, own.file, own.line, own.step)
        elif self.onset.step is not None:
            kept &= self.loss.step <= self.onset.step
        return self.loss.where(kept)

    @cached_property
    def growth(self) -> Growth | None:
        """Growth of the loss towards the onset."""
        return growth_to_end(self.history.value) if self.history is not None else None

    def growth_of(self, name: str) -> tuple[Series, Growth] | None:
        """Growth of another series towards its own first bad point, up to the onset's step where it has none."""
        series = self.run.series(name)
        if series is None:
            return None
        bad = np.flatnonzero(~np.isfinite(series.value))
        part = series.where(slice(0, int(bad[0]))) if len(bad) else series
        if not len(bad) and self.onset.step is not None:
            part = part.where(part.step <= self.onset.step)
        found = growth_to_end(part.value)
        return (part, found) if found is not None else None

    @cached_property
    def rate(self) -> Series | None:
        return self.run.series("lr")

    @cached_property
    def rate_before(self) -> tuple[float, int] | None:
        """The last finite learning rate logged before the onset, and its index."""
        if self.rate is None or not len(self.rate):
            return None
        kept = np.isfinite(self.rate.value)
        if self.onset.pattern is not Pattern.DIVERGENCE:
            kept &= self.before_onset(self.rate)
        elif self.onset.departure_step is not None:  # a schedule may have lowered it since
            since = self.rate.step <= self.onset.departure_step
            kept &= since if since.any() else kept
        where = np.flatnonzero(kept)
        if not len(where):
            return None
        return float(self.rate.value[where[-1]]), int(where[-1])

    @cached_property
    def updates_before(self) -> int | None:
        """How many updates the parameters had seen in this attempt when the first bad value arose.

        None where the log does not show the beginning of the attempt.
        """
        if self.onset.step is None or not self.run.attempts or self.onset.tail or self.by_epoch:
            return None
        start = self.run.attempts[0].first_step
        return None if start is None else self.onset.step - start

    @cached_property
    def by_epoch(self) -> bool:
        """The loss is logged as the mean over an epoch: its first point tells of many updates."""
        return self.counts_epochs or (self.loss is not None and self.loss.info.smoothed)

    @cached_property
    def counts_epochs(self) -> bool:
        """The steps of the loss are epochs; what another file of the run counts is another matter."""
        loss = self.loss
        homes = {self.run.files[int(k)] for k in np.unique(loss.file)} if loss is not None else set()
        said = [fact for fact in self.run.facts if fact.key == "step_unit" and fact.value == "epoch"]
        return any(fact.file in homes or not homes for fact in said)

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

    @cached_property
    def breaks(self) -> str:
        """How the loss, or what went bad in its stead, breaks: ``and is NaN at step 120``."""
        own = next((bad for bad in self.onset.order if self.loss is not None and bad.series == self.loss.name), None)
        bad = own or self.first
        if bad is None:
            return "and then goes bad"
        at = "" if bad.step is None else f" at {'epoch' if self.counts_epochs else 'step'} {bad.step}"
        if self.is_missing:
            return f"and is missing from its row{at}"
        if own is not None:
            masks = ", which stands for NaN" if np.isfinite(bad.value) else ""
            return f"and is {number(bad.value)}{at}{masks}"
        if bad.series in ("message", "skipped_step"):
            said = "a value is reported as not finite" if bad.series == "message" else "an update is skipped"
            return f"and {said}{at}"
        return f"and stays finite, but {bad.series} = {number(bad.value)}{at}"

    @property
    def is_missing(self) -> bool:
        """The loss is not in the rows where it should be: nobody knows whether it was NaN or inf."""
        first = self.first
        return bool(self.onset.masked_as) and first is not None and math.isnan(first.value) and self.onset.value is None

    def jump(self) -> Evidence | None:
        """Evidence citing the last calm loss, with the numbers on both sides of the jump."""
        last = self.last_calm("")
        if last is None or self.history is None:
            return None
        when = "" if last.step is None else f" at {'epoch' if self.counts_epochs else 'step'} {last.step}"
        value = number(float(self.history.value[-1]))
        return self.last_calm(f"the loss is normal ({value}){when} {self.breaks}")

    @property
    def masked_from_start(self) -> bool:
        """The loss shows its clamp from the first logged step on: nothing drove it there."""
        begins = not (self.history is not None and len(self.history))
        return self.onset.pattern is Pattern.MASKED and begins and not self.by_epoch

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

    def before_onset(self, series: Series) -> NDArray[np.bool_]:
        """Mask of the points logged before the onset; all of them where the log does not say when it was."""
        onset = self.onset
        if onset.file is None or onset.line is None:
            return np.ones(len(series), np.bool_)
        return self.earlier(series, onset.file, onset.line, onset.step)

    def earlier(self, series: Series, file: str, line: int, step: int | None) -> NDArray[np.bool_]:
        """Mask of the points before a line; those in other files are compared by step, else by the files' order.

        A progress bar puts many steps on one line.
        """
        home = self.run.files.index(file)
        sooner = series.file < home if step is None else series.step < step
        same_line = (series.line == line) & (step is not None) & sooner
        return np.where(series.file == home, (series.line < line) | same_line, sooner)

    # -- evidence -----------------------------------------------------------------------------------------------

    def point(self, series: Series, index: int, says: str) -> Evidence:
        """Evidence citing one point."""
        return Evidence(
            says,
            file=self.run.files[int(series.file[index])],
            line=int(series.line[index]),
            series=series.name,
            step=int(series.step[index]),
            value=float(series.value[index]),
        )

    def stated(self, fact: Fact, says: str) -> Evidence:
        """Evidence citing a statement of the log."""
        return Evidence(says, file=fact.file, line=fact.line, value=fact.value)

    def seen(self, bad: FirstBad, says: str) -> Evidence:
        """Evidence citing a first bad point."""
        return Evidence(says, bad.file, bad.line, bad.series, bad.step, bad.value)

    @cached_property
    def grew(self) -> Evidence | None:
        """Evidence citing where the loss began to grow towards the onset; None where it stayed calm."""
        if self.growth is None or self.history is None:
            return None
        step = self.history.step[self.growth.start]
        return self.point(self.history, self.growth.start, f"the loss grew from step {step} on")

    def evidence(self, says: str, file: str, line: int) -> Evidence:
        """Evidence citing a line."""
        return Evidence(says, file=file, line=line)

    def sign(self, key: str, evidence: Evidence) -> Sign:
        return Sign(key, evidence)

    def last_calm(self, says: str) -> Evidence | None:
        """Evidence citing the last finite loss before the onset."""
        if self.history is None or not len(self.history):
            return None
        return self.point(self.history, len(self.history) - 1, says)


@lru_cache(maxsize=8)
def view_of(case: Case) -> View:
    """The view of a case, shared by all rules."""
    return View(case)


def number(value: float) -> str:
    """A number for people: six significant digits; NaN, +Inf and -Inf as reports write them."""
    if math.isfinite(value):
        return f"{value:.6g}"
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def usual_rate(view: View) -> float:
    """The largest rate that common recipes give the optimiser of the run; ten times of that is unusual."""
    return _USUAL_RATE.get(view.solver_type, 0.1)


def is_tiny(rate: float) -> bool:
    """A learning rate with which no update moves anything: advice to lower it would be absurd."""
    return rate == 0 or (math.isfinite(rate) and abs(rate) < 1e-7)
