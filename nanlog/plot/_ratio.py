"""How large a step is beside the parameter it changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nanlog.model import Series, Stage

if TYPE_CHECKING:
    from nanlog.model import Run

__all__ = ["RULE_OF_THUMB", "ratios"]

#: "roughly somewhere around 1e-3": Stanford's CS231n, https://cs231n.github.io/neural-networks-3/#ratio
RULE_OF_THUMB = 1e-3


def ratios(run: Run) -> Iterator[Series]:
    """``update/<layer>/<i>`` divided by ``param/<layer>/<i>``, where the log has both for a step.

    A parameter that is exactly 0 (a bias at the beginning) has no ratio; those points are left out.
    """
    for name, update in run.table.items():
        parameter = run.series(name.replace("update/", "param/", 1)) if name.startswith("update/") else None
        if parameter is not None and len(found := _ratio(update, parameter)):
            yield found


def _ratio(update: Series, parameter: Series) -> Series:
    own, other = (series.attempt * (1 << 44) + series.step for series in (update, parameter))
    _, at, of = np.intersect1d(own, other, return_indices=True)
    above, below = update.where(at.astype(np.int64)), parameter.value[of]
    with np.errstate(all="ignore"):
        value = np.where(np.isfinite(below), above.value / below, np.nan)
    whole = Series(
        replace(update.info, name=update.name.replace("update/", "ratio/", 1), stage=Stage.UPDATE),
        *(above.step, value, above.line, above.attempt, above.file),
    )
    return whole.where(below != 0)
