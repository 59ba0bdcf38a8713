"""What happened and when, never why: ``Run -> Onset``.

The first non-finite point of every series is found and put in causal order (step, then the place inside the step);
the earliest is the onset, the rest is downstream of it.  The pattern is judged on the training loss.  Every attempt
of a run is judged by itself; the answer is about the last one that failed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nanlog.model import NO_STEP, FirstBad, MarkKind, Onset, Pattern, Run, Series
from nanlog.onset._chance import chance_level, confidently_wrong
from nanlog.onset._checkpoint import last_good_checkpoint, overwritten_checkpoint
from nanlog.onset._first import (
    MESSAGE,
    base_name,
    before,
    causal_key,
    counts_otherwise,
    first_bad,
    main_loss,
    matters,
    non_finite,
    point,
    steps_of_clock,
)
from nanlog.onset._gap import Gap, missing_loss, rate_never_left_zero
from nanlog.onset._growth import Growth, driven_off, growth_to_end, stays_diverged
from nanlog.onset._mask import Mask, find_mask
from nanlog.onset._padding import padding, without_padding
from nanlog.onset._skipped import skipped_updates, without_skips_before

__all__ = [
    "Growth",
    "base_name",
    "counts_otherwise",
    "growth_to_end",
    "locate",
    "locate_attempt",
    "main_loss",
    "non_finite",
    "overwritten_checkpoint",
    "padding",
    "steps_of_clock",
    "without_padding",
]

#: So many finite points after the last bad one are a recovery, fewer may be chance.
_RECOVERED = 2
_ABSURD_RATE = 1.0
#: So many of the newest attempts are judged in any case.
_MOST_ATTEMPTS = 200


@np.errstate(over="ignore", invalid="ignore")  # values near the end of the range of floats overflow in a median
def locate(run: Run) -> Onset:
    """Return what happened in the last attempt that failed, or ``healthy`` (of the last attempt) where none did."""
    onset = Onset(Pattern.HEALTHY)
    for index in _worth_judging(run):
        onset = locate_attempt(run.of_attempt(index))
        if onset.pattern is not Pattern.HEALTHY:
            return onset
    return replace(onset, attempt=run.attempts[-1].index) if run.attempts else onset


def _worth_judging(run: Run) -> list[int]:
    """The attempts to judge, last first: the newest ones, and every older one that has a non-finite point.

    Each is judged at the cost of looking through the whole run, so a file with ten thousand restarts needs a limit;
    what goes unseen beyond it is a divergence that stayed finite, hundreds of trainings ago.
    """
    newest = {attempt.index for attempt in run.attempts[-_MOST_ATTEMPTS:]}
    broken = [set(s.attempt[non_finite(s)].tolist()) for s in run.table.values() if matters(s.name)]
    return sorted(newest.union(*broken), reverse=True)


def locate_attempt(run: Run) -> Onset:
    """Judge a run that holds one attempt only."""
    attempt = run.attempts[0].index if run.attempts else 0
    as_logged, run = run, without_padding(run)
    loss = main_loss(run)
    mask = find_mask(run, loss) if loss is not None else None
    order = first_bad(run if loss is None else _without_earlier_skips(run, loss, mask))
    if mask is not None:
        order = _with_mask(run, mask, order)
    skipped = skipped_updates(run, loss, order)
    if skipped is not None:
        return skipped.onset(run, loss, attempt)
    if order:
        return _broken(run, loss, order, mask, attempt)
    gap = (missing_loss(as_logged, loss) or rate_never_left_zero(run, loss)) if loss is not None else None
    if gap is not None and loss is not None:
        return _unwritten(run, loss, gap, attempt)
    return _finite(run, loss, attempt)


def _without_earlier_skips(run: Run, loss: Series, mask: Mask | None) -> Run:
    """The run without what a loss scaler mended before the loss itself went bad."""
    bad = np.flatnonzero(non_finite(loss))
    if len(bad):
        return without_skips_before(run, loss, int(bad[0]))
    return run if mask is None or mask.series is not loss else without_skips_before(run, loss, mask.index)


def _with_mask(run: Run, mask: Mask, order: tuple[FirstBad, ...]) -> tuple[FirstBad, ...]:
    """Add the masked loss to the bad points, unless the loss itself is known to be non-finite before it."""
    loss = mask.series
    masked = point(run, loss, mask.index)
    others = tuple(bad for bad in order if bad.series != loss.name)
    shown = next((bad for bad in order if bad.series == loss.name), None)
    if shown is not None and (shown.line <= masked.line if shown.file == masked.file else _not_after(shown, masked)):
        return order
    key = causal_key(loss, mask.index)
    steps = [(bad.step if bad.step is not None else np.iinfo(np.int64).max) for bad in others]
    pairs = zip(steps, others, strict=True)
    at = sum(step < key[0] or (step == key[0] and bad.line <= masked.line) for step, bad in pairs)
    return (*others[:at], masked, *others[at:])


def _not_after(one: FirstBad, other: FirstBad) -> bool:
    return one.step is not None and other.step is not None and one.step <= other.step


def _broken(run: Run, loss: Series | None, order: tuple[FirstBad, ...], mask: Mask | None, attempt: int) -> Onset:
    first = order[0]
    masked = mask is not None and loss is not None and not _nonfinite_loss(loss)
    loss_bad = next((bad for bad in order if loss is not None and bad.series == loss.name), None)
    history = _history(loss, loss_bad, first)
    growth = _growth(history)
    pattern = _pattern(run, loss, order, growth, masked)
    shape = _Shape(loss, history, growth)
    last = _last_finite(loss, first)
    departure = shape.departure if pattern in (Pattern.GRADUAL_GROWTH, Pattern.MASKED) else None
    safe = min((s for s in (last, departure[0] if departure else None) if s is not None), default=None)
    return Onset(
        pattern=pattern,
        attempt=attempt,
        series=first.series,
        step=first.step,
        value=first.value,
        file=first.file,
        line=first.line,
        last_finite_step=last,
        departure_step=departure[0] if departure else None,
        departure_line=departure[1] if departure else None,
        earliest_step=_earliest(last, first),
        recovered_step=_finite_again(run, loss, first) if pattern is Pattern.TRANSIENT else None,
        order=order,
        loss_step=loss_bad.step if loss_bad else None,
        masked_value=mask.value if masked and mask is not None else None,
        masked_as=mask.what if masked and mask is not None else "",
        tail=_is_tail(run, loss, first),
        last_good_checkpoint=last_good_checkpoint(run, safe, first.line),
    )


def _unwritten(run: Run, loss: Series, gap: Gap, attempt: int) -> Onset:
    """The loss is not in the rows where it should be, or the rate shows that no update was made."""
    first = gap.first
    zero = None if np.isnan(first.value) else first.value
    history = before(loss, first.step, first.line)
    departure = None if zero is not None else _Shape(loss, history, _growth(history)).departure
    last = _last_finite(loss, first)
    safe = min((s for s in (last, departure[0] if departure else None) if s is not None), default=None)
    return Onset(
        pattern=Pattern.MASKED if gap.recovered_step is None else Pattern.TRANSIENT,
        attempt=attempt,
        series=first.series,
        step=first.step,
        value=zero,
        file=first.file,
        line=first.line,
        last_finite_step=last,
        departure_step=departure[0] if departure else None,
        departure_line=departure[1] if departure else None,
        earliest_step=_earliest(last, first),
        recovered_step=gap.recovered_step,
        order=(first,),
        loss_step=first.step if first.series == loss.name else None,
        masked_value=zero,
        masked_as=gap.what,
        last_good_checkpoint=last_good_checkpoint(run, safe, first.line),
    )


def _earliest(last: int | None, first: FirstBad) -> int | None:
    """The first step at which the onset can lie, where steps between the last finite and the first bad are unseen."""
    return None if last is None or first.step is None or last + 1 >= first.step else last + 1


def _history(loss: Series | None, loss_bad: FirstBad | None, first: FirstBad) -> Series | None:
    """The loss before it went bad itself; where it never did, up to the step at which something else did."""
    if loss is None or loss_bad is not None:
        return loss if loss is None or loss_bad is None else before(loss, loss_bad.step, loss_bad.line)
    return loss if first.step is None else loss.where(loss.step <= first.step)


@dataclass(frozen=True, slots=True)
class _Shape:
    """The loss before its onset, and its growth there."""

    loss: Series | None
    history: Series | None
    growth: Growth | None

    @property
    def departure(self) -> tuple[int, int] | None:
        """Step and line of the first grown point."""
        if self.growth is None or self.history is None:
            return None
        kept = self.history.where(np.isfinite(self.history.value))
        return int(kept.step[self.growth.start]), int(kept.line[self.growth.start])


def _growth(history: Series | None) -> Growth | None:
    if history is None:
        return None
    return growth_to_end(history.value[np.isfinite(history.value)])


def _nonfinite_loss(loss: Series) -> bool:
    return not bool(np.isfinite(loss.value).all())


def _pattern(
    run: Run, loss: Series | None, order: tuple[FirstBad, ...], growth: Growth | None, masked: bool
) -> Pattern:
    first = order[0]
    if _invalid_lr(order, loss):
        return Pattern.INVALID_LR
    if masked:
        return Pattern.MASKED
    if loss is None or not len(loss):
        return Pattern.FROM_START if not _earlier_points(run, first) else Pattern.SUDDEN_JUMP
    if not _nonfinite_loss(loss):
        return _finite_loss_pattern(run, loss, order, growth)
    if not np.isfinite(loss.value[0]):
        return Pattern.FROM_START
    if _recovered(loss) is not None:
        return Pattern.TRANSIENT
    return Pattern.GRADUAL_GROWTH if growth is not None else Pattern.SUDDEN_JUMP


def _invalid_lr(order: tuple[FirstBad, ...], loss: Series | None) -> bool:
    """The rate went bad, and did so no later than the loss (a blow-up under a growing rate comes before it)."""
    rate = next((bad for bad in order if bad.series == "lr" or bad.series.startswith("lr/")), None)
    if rate is None:
        return False
    own = next((bad for bad in order if loss is not None and bad.series == loss.name), None)
    if own is None or rate.step is None or own.step is None:
        return own is None or rate.line <= own.line
    return rate.step <= own.step


def _finite_loss_pattern(run: Run, loss: Series, order: tuple[FirstBad, ...], growth: Growth | None) -> Pattern:
    """Something else is non-finite while every printed loss is finite."""
    first = order[0]
    later = loss.where(loss.line > first.line) if first.step is None else loss.where(loss.step > first.step)
    goes_on = len(later) >= _RECOVERED
    if first.series == "loss_smoothed" and goes_on:
        return Pattern.TRANSIENT  # Caffe's average stays NaN for ever after one NaN, and the loss is finite again
    series = run.series(first.series)
    if series is not None and len(series):
        after = np.flatnonzero(~np.isfinite(series.value))
        if not first.series.startswith("nonfinite/") and len(series) - 1 - int(after[-1]) >= _RECOVERED:
            return Pattern.TRANSIENT
    elif first.series == MESSAGE and goes_on:
        return Pattern.TRANSIENT
    if growth is not None:
        return Pattern.GRADUAL_GROWTH
    return Pattern.SUDDEN_JUMP if _earlier_points(run, first) else Pattern.FROM_START


def _earlier_points(run: Run, first: FirstBad) -> bool:
    """Whether the series that went bad first, or the loss, was finite before."""
    for series in (run.series(first.series), main_loss(run)):
        if series is None:
            continue
        history = before(series, first.step, first.line)
        if np.isfinite(history.value).any():
            return True
    return False


def _recovered(loss: Series | None) -> int | None:
    """First step after the last bad one when enough finite points follow; None where the loss stays bad."""
    if loss is None:
        return None
    where = np.flatnonzero(~np.isfinite(loss.value))
    if not len(where):
        return None
    last = int(where[-1])
    return int(loss.step[last + 1]) if len(loss) - 1 - last >= _RECOVERED else None


def _finite_again(run: Run, loss: Series | None, first: FirstBad) -> int | None:
    """Where it went on: of the loss, or of what went bad while the loss stayed finite.

    A running average stays NaN for ever after one; the loss it is of goes on with the very step that shows it.
    """
    if loss is None or (again := _recovered(loss)) is not None:
        return again if loss is not None else None
    series = run.series(first.series)
    if series is not None and not series.info.smoothed and (again := _recovered(series)) is not None:
        return again
    if first.step is None:
        later = loss.where(loss.line > first.line)
    else:
        smoothed = series is not None and series.info.smoothed
        later = loss.where(loss.step >= first.step if smoothed else loss.step > first.step)
    return int(later.step[0]) if len(later) else None


def _last_finite(loss: Series | None, first: FirstBad) -> int | None:
    """The last logged step before the onset at which the loss was finite."""
    if loss is None:
        return None
    # a message about a step comes after that step's loss, which was finite
    history = loss.where(loss.line < first.line) if first.series == MESSAGE else before(loss, first.step, first.line)
    kept = history.step[np.isfinite(history.value) & (history.step != NO_STEP)]
    return int(kept.max()) if len(kept) else None


def _is_tail(run: Run, loss: Series | None, first: FirstBad) -> bool:
    """The log begins after the onset: bad from its first point, which is not step 0, and no training starts in it."""
    if loss is None or not len(loss) or np.isfinite(loss.value[0]):
        return False
    started = any(mark.kind in (MarkKind.START, MarkKind.RESUME) for mark in run.marks)
    # a log that prints every n-th step or the end of an epoch begins at about n
    interval = float(np.median(np.diff(loss.step[:100]))) if len(loss) > 1 else 0.0
    return bool(loss.step[0] > 1.5 * max(interval, 1.0)) and not started


def _finite(run: Run, loss: Series | None, attempt: int) -> Onset:
    """Nothing non-finite anywhere: healthy, or diverged without leaving the range of floats."""
    last = int(loss.step[-1]) if loss is not None and len(loss) else None
    if loss is None or not loss.name.startswith("loss"):
        return Onset(Pattern.HEALTHY, attempt, last_finite_step=last)
    loss = _with_closing_pass(run, loss)
    growth = stays_diverged(loss.value, chance_level(run), driven=_rate_exploded(run))
    if growth is None and _rate_is_absurd(run):
        growth = driven_off(loss.value)
    if growth is None:
        growth = confidently_wrong(run, loss)
    if growth is None:
        return Onset(Pattern.HEALTHY, attempt, last_finite_step=last)
    step, line = int(loss.step[growth.start]), int(loss.line[growth.start])
    previous = int(loss.step[growth.start - 1]) if growth.start else None
    return Onset(
        pattern=Pattern.DIVERGENCE,
        attempt=attempt,
        series=loss.name,
        step=None,
        value=growth.peak,
        file=run.files[int(loss.file[growth.start])],
        line=line,
        last_finite_step=last,
        departure_step=step,
        departure_line=line,
        last_good_checkpoint=last_good_checkpoint(run, previous, None),
    )


def _with_closing_pass(run: Run, loss: Series) -> Series:
    """The loss with the value of Caffe's closing forward pass, which is printed in the averaged series alone."""
    average = run.series("loss_smoothed")
    if average is None or average is loss or not len(average) or average.step[-1] <= loss.step[-1]:
        return loss
    joined = {
        name: np.append(getattr(loss, name), getattr(average, name)[-1])
        for name in ("step", "value", "line", "attempt", "file")
    }
    return Series(loss.info, **joined)


def _rate_is_absurd(run: Run) -> bool:
    """The rate is ten times the largest that any common recipe takes (0.1 for SGD), or more."""
    rate = run.series("lr")
    if rate is not None and len(rate):
        return bool(np.nanmax(np.abs(rate.value)) >= _ABSURD_RATE)
    stated = (f.value for f in run.facts if f.key in ("hparams.lr", "hparams.learning_rate"))
    return any(isinstance(value, int | float) and _ABSURD_RATE <= value < np.inf for value in stated)


def _rate_exploded(run: Run) -> bool:
    """The schedule multiplied the rate by a hundred or more, to above any rate in use."""
    rate = run.series("lr")
    if rate is None or len(rate) < 2 or not np.isfinite(rate.value).all():
        return False
    size = np.abs(rate.value)
    base = size[size > 0].min(initial=np.inf)
    return bool(size[-1] > 1.0 and size[-1] >= 100 * base)
