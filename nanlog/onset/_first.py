"""The first bad point of every series, in causal order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, FirstBad, Run, Series

#: Sorts points that nothing dates behind all dated ones; their line keeps them apart.
_UNDATED = np.iinfo(np.int64).max


def non_finite(series: Series) -> NDArray[np.bool_]:
    """Mask of the points that are not finite; in ``nonfinite/...`` every share above zero says so."""
    if _base(series.name).startswith("nonfinite/"):
        return np.asarray(series.value != 0, np.bool_)
    return np.asarray(~np.isfinite(series.value), np.bool_)


def _base(name: str) -> str:
    """The name without the ``val/``, ``val1/`` ... of an evaluation set."""
    head, _, rest = name.partition("/")
    evaluation = head == "val" or (head.startswith("val") and head[3:].isdigit())
    return rest if rest and evaluation else name


def is_evaluation(name: str) -> bool:
    """True for what was measured on an evaluation set."""
    return _base(name) != name


def is_loss_like(name: str) -> bool:
    """True for a metric that is a loss with weight 0: its NaN means that a computation of the net went wrong.

    A NaN in any other metric is usually 0/0 over an absent class and does no harm (accuracy, IoU, AUC).
    """
    base = _base(name)
    return base.startswith("metric/") and "loss" in base.rpartition("/")[2].lower()


def matters(name: str) -> bool:
    """Whether a non-finite value in the series is a failure by itself.

    Metrics have harmless NaN of their own.  A running average counts: it shows a NaN between two logged steps that the
    unsmoothed loss, printed for those steps alone, never shows.  The norm that made clipping act does not: its line
    names no step (it is counted from the last display), and clipping may zero what was infinite.
    """
    base = _base(name)
    if base == "clip_norm":
        return False
    return is_loss_like(name) if base.startswith("metric/") else True


def causal_key(series: Series, index: int) -> tuple[int, int, int, int]:
    """Sort key of a point: step, then the place in the step where its value arises, then the line."""
    step = int(series.step[index])
    info = series.info
    return (_UNDATED if step == NO_STEP else step, int(info.stage), info.rank, int(series.line[index]))


def point(run: Run, series: Series, index: int) -> FirstBad:
    """Point ``index`` of ``series`` as a :class:`FirstBad`."""
    step, value, info = int(series.step[index]), float(series.value[index]), series.info
    return FirstBad(
        series=info.name,
        step=None if step == NO_STEP else step,
        value=value,
        file=run.files[int(series.file[index])],
        line=int(series.line[index]),
        layer=info.layer,
        phase=info.phase,
        overflow_only=info.statistic and bool(np.isinf(value)) and not _turns_nan(series, index),
    )


def _turns_nan(series: Series, index: int) -> bool:
    """Whether a NaN follows in the next three points: an overflow of the values, not of their statistic alone."""
    return bool(np.isnan(series.value[index : index + 4]).any())


def first_bad(run: Run) -> tuple[FirstBad, ...]:
    """First bad point of every series that matters, in causal order; the first is the onset.

    Order within a step follows :class:`nanlog.model.Stage`, then the rank of the series, then the line.
    """
    found: list[tuple[tuple[int, int, int, int], FirstBad]] = []
    for series in run.table.values():
        if not matters(series.name):
            continue
        where = np.flatnonzero(non_finite(series))
        if len(where):
            index = int(where[0])
            found.append((causal_key(series, index), point(run, series, index)))
    found.sort(key=lambda entry: entry[0])
    return tuple(first for _, first in found)


def main_loss(run: Run) -> Series | None:
    """The series that patterns are judged on: the training loss, else the nearest thing the log has."""
    for name in ("loss", "loss_smoothed"):
        if (series := run.series(name)) is not None:
            return series
    heads = sorted(name for name in run.table if name.startswith("loss/"))
    for name in (*heads, "val/loss", "grad_norm"):
        if (series := run.series(name)) is not None:
            return series
    return None


def before(series: Series, step: int | None, line: int | None) -> Series:
    """The points of ``series`` that lie before a step (before a line where the step is unknown)."""
    if step is None:
        return series if line is None else series.where(series.line < line)
    return series.where((series.step < step) & (series.step != NO_STEP))
