"""The points of a run, one row each, for pandas and for Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, FloatArray, IntArray, Run, Series

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Frame", "Rows", "rows_of", "to_frame"]

Frame: TypeAlias = "pd.DataFrame"
Number = TypeVar("Number", np.int64, np.float64)


def to_frame(run: Run) -> Frame:
    """One row per point: ``series``, ``step``, ``value``, ``line``, ``attempt``, ``file`` and ``time``.

    ``series`` and ``file`` are categories.  ``step`` and ``time``, in POSIX seconds, are ``<NA>`` where the log says
    nothing; a NaN in ``value`` always is one that the log holds.
    """
    import pandas as pd

    rows = rows_of(tuple(run.table.values()))
    time = np.full(len(rows.step), np.nan) if rows.time is None else rows.time
    return pd.DataFrame(
        {
            "series": pd.Categorical.from_codes(rows.series, pd.Index(list(run.table))),
            "step": pd.arrays.IntegerArray(rows.step, rows.step == NO_STEP),
            "value": rows.value,
            "line": rows.line,
            "attempt": rows.attempt,
            "file": pd.Categorical.from_codes(rows.file, pd.Index(list(run.files))),
            "time": pd.arrays.FloatingArray(time, np.isnan(time)),
        }
    )


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Points of several series, one row each; ``series`` and ``file`` are indices.

    ``time`` is NaN where the log has none, and None where it has none at all.
    """

    series: NDArray[np.int32]
    step: IntArray
    value: FloatArray
    line: IntArray
    attempt: IntArray
    file: IntArray
    time: FloatArray | None


def rows_of(series: Sequence[Series]) -> Rows:
    """The points series after series, and those of one series in the order logged."""
    return Rows(
        np.repeat(np.arange(len(series), dtype=np.int32), [len(each) for each in series]),
        _joined([each.step for each in series], np.int64),
        _joined([each.value for each in series], np.float64),
        _joined([each.line for each in series], np.int64),
        _joined([each.attempt for each in series], np.int64),
        _joined([each.file for each in series], np.int64),
        _times(series),
    )


def _times(series: Sequence[Series]) -> FloatArray | None:
    if all(each.time is None for each in series):
        return None
    return _joined([np.full(len(each), np.nan) if each.time is None else each.time for each in series], np.float64)


def _joined(parts: list[NDArray[Number]], dtype: type[Number]) -> NDArray[Number]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype)
