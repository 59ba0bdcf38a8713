"""A training that breaks early and runs on for long: what is drawn of it where nobody asks for certain steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nanlog.model import Pattern
from nanlog.onset import base_name, main_loss

if TYPE_CHECKING:
    from nanlog.model import FloatArray, Series
    from nanlog.plot._panel import Panel
    from nanlog.plot._subject import Subject

__all__ = ["without_dead_tail"]

#: What lies before the end of the last finite loss takes at least this share of the width as it is ...
_THIN = 0.2
#: ... or gets this one.
_GIVEN = 1 / 3
#: So many points of the loss are drawn in any case.
_FEWEST = 12
_BROKEN = (Pattern.GRADUAL_GROWTH, Pattern.SUDDEN_JUMP, Pattern.INVALID_LR, Pattern.MASKED)


def without_dead_tail(subject: Subject, panels: Sequence[Panel]) -> tuple[Subject, list[str]]:
    """``subject`` without most of the steps in which no loss is finite any more, and a sentence that says so.

    Unchanged where steps were asked for, where the log goes on to tell something, and where enough of the width is
    left for what happened before.
    """
    places = [subject.x(series) for panel in panels for series in panel.series]
    if subject.is_limited or subject.onset.pattern not in _BROKEN or not places:
        return subject, []
    first, last = (float(end(np.concatenate(places))) for end in (np.min, np.max))
    begin = _all_bad_from(subject, panels)
    if begin is None or not first < begin < first + _THIN * (last - first):
        return subject, []
    cut = max(float(np.ceil(first + (begin - first) / _GIVEN)), _place_of_fewest(subject))
    shortened = replace(subject, steps=(None, int(cut)))
    if cut >= last or not all(any(shortened.within(subject.x(s)).any() for s in panel.series) for panel in panels):
        return subject, []
    unit = subject.x_label.partition(" ")[0]
    says = f"cut at {unit} {cut:.0f}: no loss is finite from {unit} {begin:.0f} on, up to {last:.0f};"
    return shortened, [f"{says} --steps : shows all"]


def _place_of_fewest(subject: Subject) -> float:
    main = main_loss(subject.run)
    x = np.unique(subject.x(main)) if main is not None else np.empty(0)
    return float(x[min(_FEWEST, len(x)) - 1]) if len(x) else -np.inf


def _all_bad_from(subject: Subject, panels: Sequence[Panel]) -> float | None:
    """The place from which on no loss is finite, and beyond which nothing that is drawn goes bad for the first time."""
    main, table = main_loss(subject.run), subject.run.table
    if main is None or subject.onset_at is None:
        return None
    places = [_dead_from(subject, series) for series in (main, *(s for n, s in table.items() if _is_loss(n)))]
    drawn = {series.name for panel in panels for series in panel.series}
    places += [at for bad in subject.onset.order if bad.series in drawn and (at := subject.at(bad)) is not None]
    begin = max([subject.onset_at, *places])
    others = (subject.x(s)[s.attempt != subject.onset.attempt] for s in table.values())
    return begin if np.isfinite(begin) and not any((x > begin).any() for x in others) else None


def _is_loss(name: str) -> bool:
    return base_name(name).partition("/")[0] in ("loss", "loss_smoothed")


def _dead_from(subject: Subject, series: Series) -> float:
    """The first place behind the last finite value; infinite where there is none behind it."""
    x = subject.x(series)
    good = np.isfinite(series.value)
    for part in subject.points(series):
        good[part.index[subject.masked(series, part)]] = False
    if not good.any():
        return -np.inf
    behind: FloatArray = x[x > x[good].max()]
    return float(behind.min()) if len(behind) else np.inf
