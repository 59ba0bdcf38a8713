"""Which names count, and which of several counters is the step.

Nobody agrees on where the step stands: ``step``, ``global_step``, ``trainer/global_step``, ``iter``, ``num_updates``,
``_step``, ``current_steps``, ``samples_seen``, or a column without a telling name that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nanlog_parsers._names import run_and_name, words

from ._chunk import Column

__all__ = ["Counter", "counter", "counter_of", "counters_of", "is_epoch", "is_whole", "plain_name", "step_of"]

#: What counts, the better the earlier: the counter of the optimizer is what people mean.
_COUNTED = (
    *("global step", "num update", "optimizer step", "opt step", "optim step", "step"),
    *("gradient step", "grad step", "global iter", "global iteration", "iteration", "iter", "it", "timestep"),
    *("time step", "env step", "environment step", "agent step", "global batch", "update", "parameter update"),
    *("weight update", "policy update", "round", "batch", "minibatch", "mini batch", "generation"),
)
#: What goes into the steps: better than nothing.
_CONSUMED = ("kimg", "sample", "example", "image", "sequence", "frame", "env frame", "episode", "token", "input token")
_RANK = {each: rank for rank, each in enumerate((*_COUNTED, *_CONSUMED))}
#: Words that say nothing of what is counted: ``num_steps``, ``iter_idx``, ``samples_seen``.
_COUNTING = {
    *("current", "cur", "curr", "now", "n", "num", "nb", "number", "no", "idx", "index", "id", "count", "counter"),
    *("completed", "done", "trained", "so", "far", "seen", "consumed", "processed", "taken", "of"),
}
#: Where it ends, unless the values tell otherwise (``total_timesteps`` of Stable-Baselines3).
_TOTAL = {"total", "tot", "all", "cumulative", "cum"}
_DATA = {"train", "training", "trainer", "valid", "validation", "val", "eval", "evaluation", "test", "trn"}
_EPOCHS = {
    *("epoch", "ep", "current epoch", "cur epoch", "epoch num", "epoch no", "epoch number", "n epoch"),
    *("epoch idx", "epoch index", "epoch id"),
}

#: Objects that only hold the metrics; their key is not a part of the metrics' names.
_WRAPPERS = {"metrics", "metric", "scalars", "values", "logs", "log", "stats", "data", "results", "history", "summary"}

_LOOKED_AT = 1000
#: So many values show whether a column counts.
_SHOWS_COUNTING = 3
_MOST_FALLS = 0.05


@dataclass(frozen=True, slots=True, order=True)
class Counter:
    """How good a name of a step is; the smaller the better."""

    is_total: bool
    is_consumed: bool
    is_of_run: bool
    rank: int


@lru_cache(4096)
def counter(name: str) -> Counter | None:
    """How good a step a name promises; None for a name that does not count steps."""
    run, said = run_and_name(name)
    key = [word for word in _last(said) if word not in _TOTAL]
    total = len(key) < len(_last(said))
    for known in (" ".join(key), " ".join(word for word in key if word not in _COUNTING)):
        if known in _RANK:
            return Counter(total, _RANK[known] >= len(_COUNTED), bool(run), _RANK[known])
    return None


@lru_cache(4096)
def is_epoch(name: str) -> bool:
    """Whether a name is that of the epoch."""
    return " ".join(word.removesuffix("s") for word in _last(name)) in _EPOCHS


def plain_name(path: str) -> str:
    """A dotted name without the objects that only hold the metrics: ``metrics.loss`` is loss."""
    first, dot, rest = path.partition(".")
    return plain_name(rest) if dot and rest and first.lower() in _WRAPPERS else path


def counter_of(names: Iterable[str]) -> str | None:
    """The name that says at which step, else in which epoch."""
    names = list(names)
    known = {name: found for name in names if (found := counter(name)) is not None}
    best = min(known, key=known.__getitem__, default=None)
    if best is None or known[best].is_consumed or known[best].is_total:
        return next((name for name in names if is_epoch(name)), best)
    return best


def counters_of(names: Iterable[str]) -> list[str]:
    """The names that say at which step or in which epoch."""
    return [name for name in names if counter(name) is not None or is_epoch(name)]


def step_of(columns: Mapping[str, Column], names: Sequence[str], epoch: str | None, rows: int) -> str | None:
    """The column that holds the step; not all need to have values yet.

    A total is one only if it rises, and so are counts of samples; of those that stand still the best, if nothing moves.
    """
    known = {name: found for name in names if (found := counter(name)) is not None and _may_be(name, found, columns)}
    best = sorted(known, key=known.__getitem__)
    moving = [name for name in best if not _stands_still(columns.get(name))]
    epochs = None if epoch is None else columns.get(epoch)
    if moving and not (known[moving[0]].is_consumed and epochs is not None and _rises(epochs, rows)):
        return moving[0]
    if epochs is not None and not _stands_still(epochs):
        return None
    return next(iter(moving or best), None) or (_unnamed(columns, names, rows) if epoch is None else None)


def is_whole(column: Column) -> bool:
    value = column.value[:_LOOKED_AT]
    return bool(np.all(value == np.floor(value)))


def _last(name: str) -> list[str]:
    """The words of the last part of a name, in the singular, without those for the data."""
    tail = plain_name(name).replace("/", ".").rpartition(".")[2]
    return [word.removesuffix("s") for word in words(tail) if word not in _DATA]


def _may_be(name: str, found: Counter, columns: Mapping[str, Column]) -> bool:
    column = columns.get(name)
    if column is None:
        return not (found.is_total or found.is_consumed)
    return is_whole(column) and (not (found.is_total or found.is_consumed) or _grows(column, found.is_total))


def _grows(column: Column, is_total: bool) -> bool:
    """Whether the values rise with few falls; of one alone nobody can tell."""
    distance = _distances(column)
    if not len(distance):
        return not is_total
    return bool(np.any(distance > 0) and np.mean(distance < 0) <= _MOST_FALLS)


def _rises(column: Column, rows: int) -> bool:
    """Whether there is a value in each row that is greater than the one before."""
    return len(column) == rows and is_whole(column) and bool(np.all(_distances(column) > 0))


def _stands_still(column: Column | None) -> bool:
    return column is not None and len(column) >= _SHOWS_COUNTING and not np.any(_distances(column))


def _distances(column: Column) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.diff(column.value[:_LOOKED_AT])


def _unnamed(columns: Mapping[str, Column], names: Sequence[str], rows: int) -> str | None:
    """The first column that counts up evenly in every row."""
    if rows < _SHOWS_COUNTING:
        return None
    for name in names:
        column = columns.get(name)
        if column is not None and len(column) == rows and column.value[0] >= 0 and is_whole(column):
            distance = _distances(column)
            if np.all(distance > 0) and np.ptp(distance) == 0:
                return name
    return None
