"""Weights or biases that start absurd, or arrive so from a checkpoint.

What it sees
    Non-finite, saturated or huge values at the very first steps; parameters that are huge before the first update; a
    filler with a non-finite or huge parameter; a resume or a fine-tuning right before.

Why it ends in NaN
    Activations grow by a factor per layer; a filler of nan or inf makes every product so.

Fires on
    nan_bias_filler, nan_initialisation_as_strings, corrupt_checkpoint_resumed

Quiet on
    healthy_lenet_debug, healthy_negative_loss, healthy_resumed, healthy_restarts_with_purge_step,
    lr_too_high_linear_debug, resumed_with_higher_lr, nan_label_debug, average_pooling_stride_gt_kernel_debug

What to do
    Use ``xavier`` or ``msra`` fillers; correct the named value; check the checkpoint's parameters.

May be wrong when
    The first batch is what is bad; a rate far too high looks the same one update later.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, Evidence, Fact, FirstBad, Mark, MarkKind, Pattern, Phase, Sign
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View, number

#: Fillers in use stay within about 0.01 .. 1; a hundredfold fan-in makes a layer's output ten times its input at std 1.
_HUGE_FILLER = 3.0
#: Weights of trained nets stay within about 1; running statistics and scales reach hundreds.
_HUGE_PARAMETER = 1e4
_PARAMETERS = ("std", "value", "min", "max", "mean")


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR):
        return
    filler = _filler(view)
    if filler is not None:
        key = "filler_not_finite" if not math.isfinite(float(filler.value)) else "filler_huge"
        says = f"{filler.key.rpartition(']')[2].lstrip('.')}: {filler.value}"
        yield view.sign(key, view.stated(filler, f"{says} in the net: parameters start absurd"))
    early = view.updates_before is not None and view.updates_before <= 2
    first = view.first
    from_start = view.onset.pattern is Pattern.FROM_START or view.masked_from_start
    if early and first is not None and filler is None and from_start:
        if first.phase is Phase.INPUT or view.has_debug:
            return
        yield view.sign("bad_at_first_step", view.seen(first, "bad at the first step, before any update"))
    elif early and first is not None and filler is not None:
        after = f"after {view.updates_before} updates" if view.updates_before else "before the first update"
        yield view.sign("early", view.seen(first, f"bad {after}"))
    elif not early and filler is not None and view.history is not None and len(view.history) > 10:
        last = view.last_calm("the training ran normally for long: it did not start absurd")
        if last is not None:
            yield view.sign("long_normal_training", last)
    restored = _restored(view)
    yield from _resumed(view)
    yield from _huge(view)
    if (hidden := view.hidden_at_start) is not None:
        yield view.sign("hidden_at_start", hidden)
    if restored is not None and early and first is not None:
        yield view.sign("after_restore", view.seen(first, f"the first steps after loading {restored.text} are bad"))
    if view.loss is not None and len(view.loss) and early:
        value = float(view.loss.value[0])
        if np.isfinite(value) and abs(value) > 1e6:
            yield view.sign("first_loss_huge", view.point(view.loss, 0, f"the very first loss is {number(value)}"))


def _huge(view: View) -> Iterator[Sign]:
    """A parameter whose mean absolute value is absurd before the first update of the attempt."""
    begin = view.run.attempts[0].first_step if view.run.attempts else None
    for name, series in view.run.table.items():
        known = name.startswith("param/") and len(series) > 0 and int(series.step[0]) == begin
        if known and np.isfinite(series.value[0]) and series.value[0] > _HUGE_PARAMETER:
            says = f"{name} is {number(float(series.value[0]))} before the first update; weights are about 0.01 to 1"
            yield view.sign("parameters_huge", view.point(series, 0, says))
            return


def _resumed(view: View) -> Iterator[Sign]:
    """Bad from the first point on after a restart, while what came before was normal to its end."""
    loss = view.loss.name if view.loss is not None else ""
    first = next((bad for bad in view.onset.order if bad.series == loss), None)
    last = view.last_calm(f"the loss is normal up to the restart {view.breaks}, the first logged step after it")
    if first is None:
        return
    if last is not None and view.calm and (last.file != first.file or _restarted(view, last, first)):
        yield view.sign("bad_since_resume", last)
    elif last is None and view.onset.attempt and view.loss is not None:
        earlier = view.case.whole.series(view.loss.name)
        before = earlier.where(earlier.attempt == view.onset.attempt - 1) if earlier is not None else view.loss
        if len(before) and np.isfinite(before.value[-3:]).all():
            says = "the attempt before was normal to its end; this one is bad from its first logged step on"
            yield view.sign("bad_since_resume", view.point(before, len(before) - 1, says))


def _restarted(view: View, last: Evidence, first: FirstBad) -> bool:
    """Whether the log says between two of its lines that a training began or went on."""
    kinds = (MarkKind.START, MarkKind.RESUME, MarkKind.FINETUNE)
    return any(
        mark.kind in kinds and mark.file == first.file and (last.line or 0) < mark.line <= first.line
        for mark in view.case.whole.marks
    )


def _filler(view: View) -> Fact | None:
    """The most absurd parameter of a filler that the training net prints."""
    for layer in view.net.layers:
        for key, fact in layer.fields.items():
            name = key.rpartition(".")[2]
            if "filler" not in key or name not in _PARAMETERS or not isinstance(fact.value, int | float):
                continue
            if not math.isfinite(fact.value) or abs(fact.value) > _HUGE_FILLER:
                return fact
    return None


def _restored(view: View) -> Mark | None:
    return next((m for m in view.run.marks if m.kind in (MarkKind.RESUME, MarkKind.FINETUNE)), None)


def remedies(view: View) -> Iterator[str]:
    filler = _filler(view)
    restored = _restored(view)
    if filler is not None:
        where = f"line {filler.line} of {filler.file.rpartition('/')[2]}"
        yield f"correct the filler in {where} ({filler.value}); xavier or msra suit most layers"
    if restored is not None:
        yield f"check the parameters in {restored.text} for non-finite and huge values before resuming from it"
    elif any(sign.key == "bad_since_resume" for sign in _resumed(view)):
        what = f"the checkpoint that the training went on from before step {view.onset.step}"
        yield f"check the parameters and the optimizer's state in {what} for non-finite and huge values"
        yield "go on from the checkpoint before that one"
    elif filler is None:
        yield view.advice.initialise


def next_test(view: View) -> str:
    if view.is_caffe:
        return "run one forward pass with debug_info: true: the first [Forward] line that is absurd names the layer"
    return "count the non-finite values of every parameter (and of the optimizer's state) before the first step"


RULE = CauseRule(
    __name__,
    Cause.BAD_INITIALISATION,
    signs,
    remedies,
    next_test,
    needs=("fact:net.train.layer*", "param/*"),
)
