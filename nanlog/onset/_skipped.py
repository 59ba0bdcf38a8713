"""Updates that a loss scaler skipped: a NaN that does no harm, as long as there is an end to it.

Training in 16 bits multiplies the loss so that small gradients survive.  When that overflows, the update is dropped
and the factor halved; a few times at the start, and once per growth interval (2000 steps in torch.amp.GradScaler), is
how it works.  At the least factor, or in every step, it is a failure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nanlog.model import NO_STEP, FirstBad, Mark, MarkKind, Onset, Pattern, Run, Series
from nanlog.onset._first import MESSAGE, before

#: So many finite points after the last skip are a recovery.
_RECOVERED = 2
#: A blow-up may be finite again for some points; so many say that it was none.
_LONG = 20
#: A scaler that skips more than this share of all logged steps has not found its factor.
_MOST = 0.5
#: Named so in :attr:`nanlog.model.FirstBad.series`: the log tells of a skipped update, not of a value.
SKIPPED = "skipped_step"


@dataclass(frozen=True, slots=True)
class Skipped:
    """The first skipped update, and the step after the last one, where the training recovered."""

    first: FirstBad
    recovered_step: int | None
    order: tuple[FirstBad, ...]

    def onset(self, run: Run, loss: Series | None, attempt: int) -> Onset:
        """A transient that did no harm, or, without an end, a training that stands still."""
        history = before(loss, self.first.step, self.first.line) if loss is not None else None
        steps = history.step[np.isfinite(history.value) & (history.step != NO_STEP)] if history is not None else ()
        return Onset(
            pattern=Pattern.TRANSIENT if self.recovered_step is not None else Pattern.SUDDEN_JUMP,
            attempt=attempt,
            series=self.first.series,
            step=self.first.step,
            value=self.first.value,
            file=self.first.file,
            line=self.first.line,
            last_finite_step=int(np.max(steps)) if len(steps) else None,
            recovered_step=self.recovered_step,
            order=self.order,
            harmless=self.recovered_step is not None,
        )


def skipped_updates(run: Run, loss: Series | None, order: tuple[FirstBad, ...]) -> Skipped | None:
    """The skipped updates of an attempt in which nothing else went wrong; None where there are none, or more is wrong.

    They show as messages (:data:`nanlog.model.MarkKind.SKIPPED_STEP`), or as a gradient norm that is not finite while
    the loss is, before and after.
    """
    marks = [mark for mark in run.marks if mark.kind is MarkKind.SKIPPED_STEP]
    others = [bad for bad in order if bad.series != MESSAGE and not _is_gradient_norm(bad.series)]
    if others or (loss is not None and not np.isfinite(loss.value).all()):
        return None
    broken = [run.table[bad.series] for bad in order if _is_gradient_norm(bad.series)]
    if not marks and not (broken and loss is not None and not _is_gradient_norm(loss.name)):
        return None
    said = _said(marks)
    first = (*((said,) if said is not None else ()), *order)
    earliest = min(first, key=lambda bad: (np.iinfo(np.int64).max if bad.step is None else bad.step, bad.line))
    recovered = _recovered(loss, marks, broken)
    if recovered is None and not marks:
        return None
    if any(bad.series == MESSAGE for bad in order):
        recovered = None  # "the scale is at its minimum", "the loss is NaN"
    ordered = (earliest, *(bad for bad in first if bad is not earliest))
    if recovered is None and len(marks) <= _RECOVERED:
        return None  # the log ends at a skip or two: nothing to say
    return Skipped(earliest, recovered, ordered)


def without_skips_before(run: Run, loss: Series, index: int) -> Run:
    """The run without the gradient norms that were not finite, and finite again, before ``loss`` went bad at ``index``.

    The training went on from there: they are no part of what broke it later.
    """
    table = dict(run.table)
    for name, series in run.table.items():
        bad = ~np.isfinite(series.value)
        if not _is_gradient_norm(name) or not bad.any():
            continue
        home = series.file == loss.file[index]
        sooner = np.where(home, series.line < loss.line[index], series.step < loss.step[index])
        where = np.flatnonzero(bad & sooner)
        finite_after = np.diff(where, append=int(np.count_nonzero(sooner))) - 1
        last_mended = int(np.flatnonzero(finite_after >= _LONG).max(initial=-1))
        table[name] = series.where(np.delete(np.arange(len(series)), where[: last_mended + 1]))
    return replace(run, table=table)


def _is_gradient_norm(name: str) -> bool:
    return name == "grad_norm" or (name.startswith("grad_") and "/" in name)


def _said(marks: list[Mark]) -> FirstBad | None:
    if not marks:
        return None
    first = min(marks, key=lambda mark: (mark.step if mark.step is not None else np.iinfo(np.int64).max, mark.line))
    return FirstBad(SKIPPED, first.step, float("inf"), first.file, first.line)


def _recovered(watched: Series | None, marks: list[Mark], broken: list[Series]) -> int | None:
    """The first step after the last skip, when enough finite points follow, and skips are rare."""
    if watched is None:
        return None
    last_step, last_line = NO_STEP, 0
    for mark in marks:
        last_step, last_line = (
            max(last_step, mark.step if mark.step is not None else NO_STEP),
            max(last_line, mark.line),
        )
    for series in broken:
        where = np.flatnonzero(~np.isfinite(series.value))
        if len(where) > _MOST * len(series) or len(series) - 1 - int(where[-1]) < _RECOVERED:
            return None
        last_step, last_line = max(last_step, int(series.step[where[-1]])), max(last_line, int(series.line[where[-1]]))
    dated = last_step != NO_STEP
    later = watched.where(
        (watched.step > last_step if dated else watched.line > last_line) & np.isfinite(watched.value)
    )
    if len(later) < _RECOVERED or len(marks) > _MOST * max(1, _steps(watched)):
        return None
    return int(later.step[0])


def _steps(series: Series) -> int:
    """How many steps the series covers, logged or not."""
    return int(series.step[-1] - series.step[0]) + 1 if len(series) else 0
