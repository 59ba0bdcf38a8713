"""The line above a picture: which log, and what happened in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING

from nanlog.model import Pattern
from nanlog.plot._style import shown

if TYPE_CHECKING:
    from nanlog.plot._subject import Subject

__all__ = ["title_of", "value_word"]

#: Series of points that are no numbers.
_SAID = {"message": "a message says that a value is not finite", "skipped_step": "the loss scaler skipped an update"}

_SOURCE, _SERIES = 60, 40  #: the longest names


def title_of(subject: Subject, clean: Callable[[str, int], str] = shown) -> str:
    """For example ``train.log: grad_norm/0.weight = NaN at step 125``; ``clean`` is what names go through."""
    source = "/".join(PurePath(subject.run.source).parts[-2:]) if subject.run.source != "-" else "standard input"
    which = "" if subject.attempt is None else f", training {subject.attempt}"
    return f"{clean(source, _SOURCE)}{which}: {_happened(subject, clean)}"


def _happened(subject: Subject, clean: Callable[[str, int], str]) -> str:
    onset = subject.onset
    if onset.pattern is Pattern.HEALTHY:
        return "healthy"
    if onset.pattern is Pattern.DIVERGENCE:
        return (
            f"{clean(onset.series or 'the loss', _SERIES)} diverges from step {onset.departure_step}, and stays finite"
        )
    when = "" if onset.step is None else f" at step {onset.step}"
    if onset.series in _SAID:
        return f"{_SAID[onset.series]}{when}"
    if onset.series is None:
        return f"not finite{when}"
    word = "masked as" if onset.masked_value is not None and onset.series == "loss" else "="
    value = "" if onset.value is None else f" {word} {value_word(onset.value)}"
    harmless = ", harmless" if onset.harmless else ""
    return f"{clean(onset.series, _SERIES)}{value}{when}{harmless}"


def value_word(value: float) -> str:
    """``NaN``, ``+Inf``, ``-Inf``, or the number in four digits."""
    if math.isnan(value):
        return "NaN"
    return f"{value:.4g}" if math.isfinite(value) else "+Inf" if value > 0 else "-Inf"
