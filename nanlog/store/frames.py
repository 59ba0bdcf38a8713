"""Run -> pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nanlog.model import NO_STEP, Run

from .columns import rows_of

if TYPE_CHECKING:
    import pandas as pd


def to_frame(run: Run) -> pd.DataFrame:
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
