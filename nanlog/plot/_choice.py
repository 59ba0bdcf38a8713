"""Series become curves: which are named, and how each is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nanlog.model import Series
from nanlog.onset import base_name
from nanlog.plot._panel import Curve
from nanlog.plot._style import BLUE, GREEN, HAZE, INK, SKY, Line, lines

if TYPE_CHECKING:
    from nanlog.plot._subject import Subject

__all__ = ["MOST_CURVES", "curves_of", "in_table", "is_of"]

#: More curves than this are a bundle, of which only the telling ones are named.
MOST_CURVES = 6
_FIRST_BAD = 3  #: of a bundle so many that went bad first are named


def is_of(name: str, *kinds: str) -> bool:
    """Whether a series is of one of these quantities, whatever data, rank, layer or part it is of.

    >>> is_of("rank1/val/loss/box", "loss"), is_of("loss_scale", "loss")
    (True, False)
    """
    return base_name(name).partition("/")[0] in kinds


def in_table(subject: Subject, *kinds: str) -> list[Series]:
    """The series of these quantities, in the order of the log."""
    return [series for name, series in subject.run.table.items() if is_of(name, *kinds)]


def curves_of(subject: Subject, series: Sequence[Series], prefix: str = "") -> tuple[Curve, ...]:
    """A curve for each series; names lose ``prefix``, which the title of the panel says."""
    if len(series) > MOST_CURVES:
        return _bundle(subject, series, prefix)
    lines_of = _lines(series)
    ordered = sorted(series, key=lambda one: _ORDER.index(_role(one)))
    return tuple(Curve(one, _short(one.name, prefix), lines_of[one.name]) for one in ordered)


_ORDER = ("main", "other", "smoothed", "evaluation")
_ROLES = {
    "main": Line(BLUE, "-", 1.4),
    "smoothed": Line(SKY, "-", 0.9),
    "evaluation": Line(GREEN, (0, (5, 1.5)), 1.3),
}


def _lines(series: Sequence[Series]) -> dict[str, Line]:
    """How each is drawn: the first of each role in its own way; an average is the chief one where none is exact."""
    chief = {role: one.name for one in reversed(series) if (role := _role(one)) in _ROLES}
    if "main" not in chief and "smoothed" in chief:
        chief["main"] = chief.pop("smoothed")
    own = {name: _ROLES[role] for role, name in chief.items()} if len(series) > 1 else {series[0].name: _ROLES["main"]}
    used = {line.key for line in own.values()}
    spare = (line for line in lines(len(series) + len(_ROLES)) if line.key not in used)
    return {one.name: own.get(one.name) or next(spare) for one in series}


def _role(series: Series) -> str:
    name = series.name
    if name.startswith("val"):
        return "evaluation"
    if name == "loss_smoothed":
        return "smoothed"
    return "main" if "/" not in name else "other"


def _short(name: str, prefix: str) -> str:
    return name.removeprefix(prefix) if prefix and name != prefix else name


def _bundle(subject: Subject, series: Sequence[Series], prefix: str) -> tuple[Curve, ...]:
    """All curves as background; in front, and named, those that went bad first, the highest and the lowest."""
    telling = _telling(subject, series)
    background = [Curve(one, "", Line(HAZE, "-", 0.5)) for one in series if one.name not in telling]
    styles = iter((Line(INK, "-", 1.3), *lines(len(telling))))
    front = [Curve(one, _short(one.name, prefix), next(styles)) for one in series if one.name in telling]
    return (*front, *background)


def _telling(subject: Subject, series: Sequence[Series]) -> set[str]:
    names = {one.name for one in series}
    first = [bad.series for bad in subject.onset.order if bad.series in names][:_FIRST_BAD]
    sizes = {one.name: _usual(one) for one in series}
    known = [name for name, size in sizes.items() if np.isfinite(size)]
    extremes = [max(known, key=sizes.__getitem__), min(known, key=sizes.__getitem__)] if known else []
    return {*first, *extremes}


def _usual(series: Series) -> float:
    finite = np.abs(series.value[np.isfinite(series.value)])
    return float(np.median(finite)) if len(finite) else np.nan
