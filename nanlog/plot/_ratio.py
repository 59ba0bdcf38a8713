"""How large a step is beside the parameter it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nanlog.model import FloatArray, IntArray, Series, Stage

if TYPE_CHECKING:
    from nanlog.model import Run

__all__ = ["RULE_OF_THUMB", "ratios"]

#: "roughly somewhere around 1e-3": Stanford's CS231n, https://cs231n.github.io/neural-networks-3/#ratio
RULE_OF_THUMB = 1e-3


def ratios(run: Run) -> tuple[str, list[Series]]:
    """What is divided, and ``ratio/<layer>/<i>`` for every parameter, where the log has both for a step.

    It is the update that the log names; where it names none, that of plain gradient descent: the learning rate times
    the gradient.  A parameter that is exactly 0 (a bias at the beginning) has no ratio; those points are left out.
    """
    if found := list(_as_logged(run)):
        return "update / parameter, as logged", found
    if found := list(_of_updates(run)):
        return "update / parameter", found
    return "rate * gradient / parameter: the log has no updates", list(_of_gradients(run))


def _as_logged(run: Run) -> Iterator[Series]:
    """What the program divided itself; what is negative is a logarithm of it, and left out."""
    for name, ratio in run.table.items():
        if name.startswith("update_ratio/") and not (ratio.value < 0).any():
            yield replace(ratio, info=replace(ratio.info, name=f"ratio/{name.partition('/')[2]}"))


def _pairs(run: Run, above: Mapping[str, str]) -> Iterator[tuple[Series, Series]]:
    """Series of a quantity and of the parameter with the same name; ``above`` says what is divided by what."""
    for name, series in run.table.items():
        kind, _, rest = name.partition("/")
        parameter = run.series(f"{above[kind]}/{rest}") if rest and kind in above else None
        if parameter is not None:
            yield series, parameter


def _of_updates(run: Run) -> Iterator[Series]:
    for update, parameter in _pairs(run, {"update": "param", "update_norm": "param_norm"}):
        if len(found := _ratio(update, parameter)):
            yield found


def _of_gradients(run: Run) -> Iterator[Series]:
    rate = run.series("lr")
    if rate is None:
        return
    for gradient, parameter in _pairs(run, {"param_diff": "param", "grad_norm": "param_norm"}):
        both, own = _together(gradient, rate)
        with np.errstate(all="ignore"):
            step = replace(gradient.where(both), value=np.abs(rate.value[own]) * gradient.value[both])
        if len(found := _ratio(step, parameter)):
            yield found


def _ratio(update: Series, parameter: Series) -> Series:
    both, of = _together(update, parameter)
    above, below = update.where(both), parameter.value[of]
    with np.errstate(all="ignore"):
        value: FloatArray = np.where(np.isfinite(below), above.value / below, np.nan)
    name = f"ratio/{update.name.partition('/')[2]}"
    whole = replace(above, info=replace(update.info, name=name, stage=Stage.UPDATE), value=value)
    return whole.where(below != 0)


def _together(one: Series, other: Series) -> tuple[IntArray, IntArray]:
    """The indices of the points that two series have at the same steps of the same attempts."""
    own, its = (series.attempt * (1 << 44) + series.step for series in (one, other))
    _, at, of = np.intersect1d(own, its, return_indices=True)
    return at.astype(np.int64), of.astype(np.int64)
