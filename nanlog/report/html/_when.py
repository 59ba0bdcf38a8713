"""When it started: the series in the order they went bad, and the numbers around the onset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nanlog.model import NO_STEP, Onset, Run, Series
from nanlog.report._words import name, number, series_words
from nanlog.report.html._sheet import Sheet

__all__ = ["Around", "Went", "around", "went"]

MOST_SERIES = 100  #: rows of the table of series that went bad
_BEFORE, _AFTER = 5, 2  #: logged steps around the onset
_COLUMNS = ("loss", "loss_smoothed", "grad_norm", "lr", "loss_scale", "val/loss")
_MOST_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Went:
    """One series that went bad; ``step`` is "" where the log does not date it."""

    series: str
    about: str
    step: str
    value: str
    place: str


@dataclass(frozen=True, slots=True)
class Around:
    """Values by step; a row is the step, its cells (None: not logged) and whether it is the onset's."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[tuple[str, bool] | None, ...], bool], ...]


def went(sheet: Sheet, onset: Onset) -> Iterator[Went]:
    """In causal order, 100 at most."""
    for bad in onset.order[:MOST_SERIES]:
        words = series_words(bad.series, bad.layer)
        yield Went(
            sheet.text(name(bad.series)),
            sheet.text("" if words == name(bad.series) else words),
            "" if bad.step is None else f"{bad.step}",
            number(bad.value),
            sheet.place(bad.file, bad.line),
        )


def around(run: Run, onset: Onset) -> Around | None:
    """What the log holds of the steps next to the onset; None where it is not dated or nothing surrounds it."""
    step = onset.departure_step if onset.step is None else onset.step
    if step is None:
        return None
    table = _shown(run.of_attempt(onset.attempt) if len(run.attempts) > 1 else run, onset)
    steps = np.unique(np.concatenate([series.step for series in table.values()])) if table else np.empty(0, np.int64)
    steps = steps[steps != NO_STEP]
    place = int(np.searchsorted(steps, step))
    near = steps[max(0, place - _BEFORE) : place + _AFTER + 1]
    if len(near) < 2:
        return None
    table = {each: series for each, series in table.items() if np.isin(near, series.step).any()}
    rows = tuple((int(at), tuple(_cell(series, int(at)) for series in table.values()), int(at) == step) for at in near)
    return Around(tuple(map(name, table)), rows)


def _shown(run: Run, onset: Onset) -> dict[str, Series]:
    """The series that tell most: the one that went bad first, and what every training has."""
    names = dict.fromkeys([*([onset.series] if onset.series else []), *_COLUMNS])
    found = {each: series for each in names if (series := run.series(each)) is not None and len(series)}
    return dict(list(found.items())[:_MOST_COLUMNS])


def _cell(series: Series, step: int) -> tuple[str, bool] | None:
    """The value and whether it is finite; of several at one step the first that is not finite, else the last."""
    values = series.value[series.step == step]
    if not len(values):
        return None
    bad = values[~np.isfinite(values)]
    return (number(float(bad[0])), False) if len(bad) else (number(float(values[-1])), True)
