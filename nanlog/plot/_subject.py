"""What a picture is of: a run, what happened in it, and the part that is to be seen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nanlog.errors import UsageError
from nanlog.model import NO_STEP, FirstBad, FloatArray, IntArray, MarkKind, Onset, Pattern, Report, Run, Series
from nanlog.onset import counts_otherwise, locate, locate_attempt, main_loss, steps_of_clock
from nanlog.plot._scale import drawable

__all__ = ["Points", "Steps", "Subject", "around_onset", "subject_of"]

Steps: TypeAlias = "tuple[int | None, int | None]"  #: the first and the last step to be seen; None: no limit

#: How exactly numbers are printed, at least.
_PRINTED = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The points of one series in one attempt that are to be seen, in the order they were logged.

    ``x`` is a step, ``y`` the value, ``index`` says which points of the series these are.
    """

    attempt: int
    x: FloatArray
    y: FloatArray
    index: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A run (with ``attempt`` only that training of it), its onset, and the ``steps`` that are to be seen."""

    run: Run
    onset: Onset
    steps: Steps = (None, None)
    attempt: int | None = None
    is_limited: bool = False  #: whether somebody asked for these steps
    _named: list[tuple[IntArray, IntArray]] = field(default_factory=list, init=False, repr=False)

    @property
    def x_label(self) -> str:
        """What the steps count, as far as the log says."""
        if not self._dated:
            return "point (the log names no steps)"
        counts_epochs = any(f.key.endswith("step_unit") and f.value == "epoch" for f in self.run.facts)
        return "epoch" if counts_epochs else "step"

    @property
    def _dated(self) -> bool:
        return any((series.step != NO_STEP).any() for series in self.run.table.values())

    def x(self, series: Series) -> FloatArray:
        """The place of every point of ``series`` on the axis of steps, on which all series meet.

        A point without a step lies at the last step that was named before it in the log; where none is named at all
        points are counted.  A series that counts something else than the training loss (epochs beside batches) is put
        at the step of the loss at its time, where the log has times.
        """
        if not self._dated:
            return np.arange(len(series), dtype=np.float64)
        clock = main_loss(self.run)
        x = series.step.astype(np.float64)
        undated = series.step == NO_STEP
        if undated.any():
            x[undated] = self._by_line(series.where(undated))
        if clock is None or not counts_otherwise(series, clock):
            return x
        return steps_of_clock(series, clock).astype(np.float64)

    def _by_line(self, series: Series) -> FloatArray:
        """For points without a step the last one named before them, in any series."""
        key, step = self._named_steps
        at = np.searchsorted(key, series.file * (1 << 40) + series.line, side="right") - 1
        return step[np.maximum(at, 0)].astype(np.float64)

    @property
    def _named_steps(self) -> tuple[IntArray, IntArray]:
        """All places that name a step, and these; put in order once, for hundreds of series may ask."""
        if not self._named:
            named = [s.where(s.step != NO_STEP) for s in self.run.table.values()]
            place = np.concatenate([s.file * (1 << 40) + s.line for s in named])
            order = np.argsort(place, kind="stable")
            self._named.append((place[order], np.concatenate([s.step for s in named])[order]))
        return self._named[0]

    def points(self, series: Series) -> tuple[Points, ...]:
        """What is to be seen of ``series``, one value for each attempt that has some of it."""
        x = self.x(series)
        seen = self.within(x)
        parts = (np.flatnonzero(seen & (series.attempt == attempt)) for attempt in np.unique(series.attempt).tolist())
        return tuple(
            Points(int(series.attempt[at[0]]), x[at], drawable(series.value[at]), at.astype(np.int64))
            for at in parts
            if len(at)
        )

    def within(self, x: FloatArray) -> NDArray[np.bool_]:
        """Which places are to be seen."""
        first, last = self.steps
        return np.asarray(
            (x >= (-np.inf if first is None else first)) & (x <= (np.inf if last is None else last)), np.bool_
        )

    def at(self, bad: FirstBad) -> float | None:
        """Where the first bad point of a series lies on the axis; None where nothing dates it."""
        series = self.run.series(bad.series)
        if series is None:
            return bad.step
        same = np.flatnonzero((series.line == bad.line) & (series.attempt == self.onset.attempt))
        step = NO_STEP if bad.step is None else bad.step
        same = same[np.argsort(series.step[same] != step, kind="stable")]  # a progress bar is one line of many points
        files = [k for k in same.tolist() if self.run.files[int(series.file[k])] == bad.file]
        return float(self.x(series)[files[0]]) if files else bad.step

    def masked(self, series: Series, part: Points) -> NDArray[np.bool_]:
        """Which of the points are finite and stand for NaN."""
        value, onset = self.onset.masked_value, self.onset
        first = next((bad for bad in onset.order if bad.series == series.name and np.isfinite(bad.value)), None)
        if value is None or first is None or part.attempt != onset.attempt:
            return np.zeros(len(part.y), np.bool_)
        same = np.isclose(part.y, value, rtol=_PRINTED, atol=_PRINTED)
        return np.asarray(same & (series.line[part.index] >= first.line), np.bool_)

    @property
    def onset_at(self) -> float | None:
        """Where the onset lies on the axis."""
        return self.at(self.onset.order[0]) if self.onset.order else self.onset.step

    @property
    def checkpoint_at(self) -> float | None:
        """The step of the last good checkpoint."""
        name = self.onset.last_good_checkpoint
        written = (MarkKind.CHECKPOINT, MarkKind.RESUME)
        steps = [m.step for m in self.run.marks if name and m.text == name and m.kind in written and m.step is not None]
        return max(steps, default=None)

    @property
    def skips(self) -> tuple[float, ...]:
        """The steps, as far as they are to be seen, whose update a loss scaler skipped."""
        said = {m.step for m in self.run.marks if m.kind is MarkKind.SKIPPED_STEP and m.step is not None}
        steps = np.array(sorted(said), np.float64)
        return tuple(steps[self.within(steps)].tolist())

    @property
    def restarts(self) -> tuple[int, ...]:
        """The steps from which a later training went on, or began anew."""
        later = self.run.attempts[1:]
        return tuple(dict.fromkeys(a.first_step for a in later if a.first_step is not None))


def subject_of(
    what: Report | Run, onset: Onset | None = None, steps: Steps | None = None, attempt: int | None = None
) -> Subject:
    """What to draw.  The onset is that of the report; of a run alone it is located.

    Raises :class:`~nanlog.errors.UsageError` for an attempt that the run does not have and for steps that end before
    they begin.
    """
    run, known = (what.run, onset or what.onset) if isinstance(what, Report) else (what, onset)
    run = replace(run, table={name: series for name, series in run.table.items() if len(series)})
    first, last = steps or (None, None)
    if first is not None and last is not None and first > last:
        raise UsageError(f"the steps {first}:{last} end before they begin: give the smaller one first")
    if attempt is None:
        return Subject(
            run, known or (locate(run) if run.table else Onset(Pattern.HEALTHY)), (first, last), None, steps is not None
        )
    if attempt not in {a.index for a in run.attempts}:
        raise UsageError(f"the log holds {len(run.attempts)} trainings, counted from 0: there is no training {attempt}")
    part = run.of_attempt(attempt)
    same = known is not None and known.attempt == attempt
    return Subject(
        part, known if same and known is not None else locate_attempt(part), (first, last), attempt, steps is not None
    )


def around_onset(what: Report | Run, count: int) -> Steps:
    """The ``count`` steps before and after the onset; where a loss diverged and stayed finite, around its departure.

    Raises :class:`~nanlog.errors.UsageError` for a run without an onset.
    """
    subject = subject_of(what)
    at = subject.onset_at if subject.onset_at is not None else subject.onset.departure_step
    if at is None:
        raise UsageError("there is no onset to look at: nothing went wrong at a step that the log names")
    return int(at) - count, int(at) + count
