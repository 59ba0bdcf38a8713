"""NaN, inf or absurd values in the data or the labels.

What it sees
    A jump from a calm loss, without growth; with debug_info, a data layer whose blob goes bad before anything else; a
    NaN that comes again at the same place of every epoch; a label that the framework says is out of range.

Why it ends in NaN
    A single NaN or inf pixel passes through every sum; the gradient carries it into every parameter, and from then
    on all is NaN.

Fires on
    nan_label_debug, nan_sample_masked_by_softmax_debug, nan_sample_with_test_net, nan_batch_filtered,
    nan_batch_keras2, nan_batch_nanogpt, infinite_input_truncated

Quiet on
    average_pooling_stride_gt_kernel_debug, sqrt_of_zero_debug, sqrt_of_zero_gradient_norms_csv,
    anomaly_detected_tqdm, poly_without_max_iter_pycaffe, schedule_turns_nan_csv, l2_norm_of_zero_sample_debug,
    lr_step_up_lightning1_csv, lr_too_high_csv, healthy_noisy_imagenet_example, healthy_batch_of_four

What to do
    Find the sample: check the batch of that step for non-finite values and for labels out of range; convert or drop
    it.

May be wrong when
    A loss or a gradient that is undefined at one value jumps in the same way; without debug_info the two look
    alike.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, Mark, MarkKind, Pattern, Phase, Sign
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import HUGE, MANY_UNSEEN, View, number

#: What frameworks say of a class index beyond the last class, or below 0.
_OUT_OF_RANGE = (
    "label_value",
    "is out of bounds",
    "n_classes",
    "cur_target",
    "out of the valid range",
    "outside the valid",
)
#: Bad places as far apart as each other; two distances may agree by chance in a short log, so three places at least.
_PLACES = 3


def signs(view: View) -> Iterator[Sign]:
    first = view.first
    if first is None or view.onset.pattern is Pattern.HEALTHY:
        return
    if (label := _label_out_of_range(view)) is not None:
        says = f"a label is out of range: {label.text}"
        yield view.sign("label_out_of_range", view.evidence(says, label.file, label.line))
    if first.phase is Phase.INPUT:
        says = f"the input is the first to go bad: {first.series} = {number(first.value)} at step {first.step}"
        yield view.sign("input_first", view.seen(first, says))
    elif (absurd := _absurd_input(view)) is not None:
        yield absurd
    elif view.has_debug and view.located is not None:
        series = next((s for s in view.run.table.values() if s.info.phase is Phase.INPUT), None)
        if series is not None and np.isfinite(series.value).all():
            says = f"debug_info shows {series.name} finite at every step"
            yield view.sign("input_finite", view.point(series, len(series) - 1, says))
    if first.phase is not Phase.INPUT and view.onset.pattern is not Pattern.INVALID_LR:
        yield from _jump(view)
    if view.onset.pattern is Pattern.TRANSIENT and (last := view.last_calm(_passed(view))):
        yield view.sign("one_bad_batch", last)
    yield from _in_every_epoch(view)
    if view.gradient_before_loss is not None:
        says = "the loss of that very step is finite, so the batch was, too"
        yield view.sign("forward_finite", view.seen(view.gradient_before_loss, says))
    elif (bad := view.all_gradients_at_once) is not None and view.calm:
        says = f"the gradients of all layers are non-finite at step {bad.step}, the first bad one: forward broke"
        yield view.sign("all_gradients_at_once", view.seen(bad, says))
    yield from _clipped_to_nothing(view)
    yield from _counted(view)
    yield from _numpy_warning(view)


def _label_out_of_range(view: View) -> Mark | None:
    kinds = (MarkKind.FATAL, MarkKind.EXCEPTION)
    return next((m for m in view.run.marks if m.kind in kinds and any(word in m.text for word in _OUT_OF_RANGE)), None)


def _passed(view: View) -> str:
    again = view.onset.recovered_step
    return "the training goes on normally afterwards" + ("" if again is None else f", from step {again} on")


def _in_every_epoch(view: View) -> Iterator[Sign]:
    """NaN that come again after equally many steps: one batch, met once in each epoch."""
    loss = view.loss
    if loss is None or view.by_epoch:
        return
    bad = ~np.isfinite(loss.value)
    begins = np.flatnonzero(bad & ~np.concatenate(([False], bad[:-1])))
    apart = np.diff(loss.step[begins])
    if len(begins) < _PLACES or not (apart == apart[0]).all() or apart[0] <= 1:
        return
    says = f"the loss is bad {len(begins)} times, every {apart[0]} steps: the same place of each epoch"
    yield view.sign("same_place_each_epoch", view.point(loss, int(begins[1]), says))


def _counted(view: View) -> Iterator[Sign]:
    """What a check in the net counted: a few bad elements come with the data, bad parameters spoil nearly all."""
    for mark in view.run.marks:
        if mark.kind is MarkKind.NONFINITE and mark.value is not None and mark.layer is not None:
            says = f"a check found {mark.value:.3g} of {mark.blob or 'a blob'} of '{mark.layer}' non-finite"
            key = "few_elements" if mark.value < 0.5 else "nearly_all_elements"
            yield view.sign(key, view.evidence(says, mark.file, mark.line))
            return


def _numpy_warning(view: View) -> Iterator[Sign]:
    """A Python layer that computed a log or a quotient of what it should not have: degenerate boxes, empty targets."""
    for mark in view.run.marks:
        early = view.onset.line is None or mark.line <= view.onset.line
        if mark.kind is MarkKind.NOTE and "encountered in" in mark.text and early:
            says = f"Python code warns before the onset: {mark.text}"
            yield view.sign("numpy_warning", view.evidence(says, mark.file, mark.line))
            return


def _clipped_to_nothing(view: View) -> Iterator[Sign]:
    """An infinite norm at a clipping line before the onset: one batch whose gradient overflowed."""
    norms, step = view.run.series("clip_norm"), view.onset.step
    if norms is None or step is None:
        return
    where = np.flatnonzero(np.isinf(norms.value) & (norms.step <= step))
    if len(where) and view.growth is None:
        says = f"the gradient norm was infinite when clipping acted, about step {norms.step[where[0]]}"
        yield view.sign("clipped_infinite_norm", view.point(norms, int(where[0]), says))


def _absurd_input(view: View) -> Sign | None:
    """An input that is finite but far from all it was before, at the step that broke."""
    for series in view.run.table.values():
        if series.info.phase is not Phase.INPUT or series.name.startswith("val") or len(series) < 2:
            continue
        usual = float(np.median(np.abs(series.value)))
        index = int(np.argmax(np.abs(series.value)))
        value, step = float(series.value[index]), int(series.step[index])
        near = view.onset.step is not None and view.onset.step - 1 <= step <= view.onset.step
        if near and (abs(value) > HUGE or abs(value) > 1e4 * max(usual, 1e-6)):
            says = f"{series.name} jumps to {number(value)} at step {step}; it is usually about {number(usual)}"
            return view.sign("input_absurd", view.point(series, index, says))
    return None


def _jump(view: View) -> Iterator[Sign]:
    if (hidden := view.hidden_at_start) is not None:
        yield view.sign("hidden_at_start", hidden)
    elif view.only_in_validation is not None:
        yield view.sign("only_in_validation", view.only_in_validation)
    elif view.grew is not None:
        yield view.sign("growth_before", view.grew)
    elif view.masked_from_start and view.first is not None:
        says = "every sample of the first batch is confidently wrong: unscaled inputs or labels out of range do that"
        yield view.sign("saturated_from_start", view.seen(view.first, says))
    elif view.onset.pattern is Pattern.FROM_START and view.first is not None:
        yield view.sign(
            "from_start", view.seen(view.first, "non-finite at the first step: every batch, not one, is bad")
        )
    elif not view.has_debug and (last := view.jump()) is not None:
        key = "jump_over_unseen_steps" if view.unseen >= MANY_UNSEEN else "jump_from_calm"
        if not view.calm_is_known:
            key = "jump_after_few_points"
        yield view.sign(key, last)
    if view.has_debug and view.first is not None and view.first.phase is Phase.BACKWARD:
        yield view.sign("forward_finite", view.seen(view.first, "forward was finite at that step, so the batch was"))


def remedies(view: View) -> Iterator[str]:
    layer = view.located.layer if view.located is not None and view.first and view.first.phase is Phase.INPUT else None
    source = _source_of(view, layer)
    where = f" that '{layer}' reads" if layer else ""
    where += f" from {source}" if source else ""
    batch = "batch" if view.unseen < 1 else "batches"
    if view.only_in_validation is not None:
        yield "check the evaluation data for NaN, inf, absurd values, labels out of range and empty batches"
    elif view.onset.step is not None:
        them = "drop or repair it" if batch == "batch" else "drop or repair the bad one"
        what = "for NaN, inf, absurd values and labels out of range"
        yield f"check the {batch} of {view.suspect_steps}{where} {what}; {them}"
    else:
        yield f"check the data{where} for NaN, inf, absurd values and labels out of range"
    if view.onset.last_good_checkpoint:
        yield f"resume from {view.onset.last_good_checkpoint}; the parameters after the bad batch are lost"


def _source_of(view: View, layer: str | None) -> str | None:
    spec = view.net.named(layer) if layer else next((item for item in view.net.layers if not item.bottoms), None)
    if spec is None:
        return None
    return next((str(fact.value) for fact in spec.matching("source")), None)


def next_test(view: View) -> str:
    if view.only_in_validation is not None:
        return "evaluate the same checkpoint on the training data: if that is finite, it is the evaluation data"
    if view.has_debug:
        return "load that batch alone and count its non-finite values (numpy.isfinite); then train once without it"
    return view.advice.check(view.suspect_steps, several=view.unseen >= 1)


RULE = CauseRule(
    __name__,
    Cause.FAULTY_INPUT,
    signs,
    remedies,
    next_test,
    needs=("data/*",),
)
