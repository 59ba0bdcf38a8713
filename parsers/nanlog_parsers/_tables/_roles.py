"""What the columns of a table or the keys of a record are for, judged by their names and values.

Nobody agrees on where the step stands: ``step``, ``global_step``, ``trainer/global_step``, ``iter``, ``num_updates``,
``_step``, or a column without a telling name that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nanlog_parsers._names import Names, words

from ._chunk import Column

__all__ = [
    "MEASURED_ON",
    "NAMED_BY",
    "Roles",
    "counter_of",
    "counters_of",
    "has_loss",
    "is_telling",
    "plain_name",
    "roles_of",
]

#: The better the earlier: of several counters the one of the optimizer is what people mean.
_STEPS = (
    ("global", "step"),
    ("num", "updates"),
    ("optimizer", "step"),
    ("step",),
    ("steps",),
    ("global", "iter"),
    ("global", "iteration"),
    ("iteration",),
    ("iterations",),
    ("iter",),
    ("iters",),
    ("it",),
    ("n", "iter"),
    ("num", "steps"),
    ("current", "step"),
    ("current", "iter"),
    ("total", "steps"),
    ("timestep",),
    ("timesteps",),
    ("total", "timesteps"),
    ("update",),
    ("updates",),
    ("n", "updates"),
    ("round",),
    ("batch",),
    ("batch", "idx"),
    ("batches",),
    ("minibatch",),
    ("generation",),
    ("samples",),
    ("consumed", "samples"),
)
_RANK = {"".join(each): rank for rank, each in reversed(list(enumerate(_STEPS)))}
_EPOCHS = {"epoch", "epochs", "ep", "currentepoch", "epochnum", "nepoch", "epochidx"}
_TIMES = {"timestamp", "time", "walltime", "ts", "unixtime", "created", "createdat", "unixtimestamp"}
_DATA = {"train", "training", "trainer", "valid", "validation", "val", "eval", "evaluation", "test", "trn"}

#: Keys whose words say on which data the numbers beside them were measured.
MEASURED_ON = frozenset(
    {
        *("split", "phase", "mode", "stage", "subset", "partition", "set", "loop", "type", "kind", "event"),
        *("log_type", "job", "prefix", "section", "dataset"),
    }
)
#: Keys whose words are the name of the series that stands beside them as ``value``.
NAMED_BY = ("name", "metric", "tag", "key", "scalar", "variable", "series")

#: Objects that only hold the metrics; their key is not a part of the metrics' names.
_WRAPPERS = {"metrics", "metric", "scalars", "values", "logs", "log", "stats", "data", "results", "history", "summary"}

#: POSIX seconds from 1990 to 2096.
_SECONDS = (6.3e8, 4e9)
_LOOKED_AT = 1000
#: So many rows show that a column without a telling name counts.
_SHOWS_COUNTING = 3


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of columns; ``series`` are the rest."""

    step: str | None
    epoch: str | None
    time: str | None
    series: tuple[str, ...]


def plain_name(path: str) -> str:
    """A dotted name without the objects that only hold the metrics: ``metrics.loss`` is loss."""
    first, dot, rest = path.partition(".")
    return plain_name(rest) if dot and rest and first.lower() in _WRAPPERS else path


def counter_of(names: Iterable[str]) -> str | None:
    """The name that says at which step, else in which epoch."""
    keys = {name: _key(name) for name in names}
    steps = sorted((name for name in keys if keys[name] in _RANK), key=lambda name: _RANK[keys[name]])
    return next(iter(steps), next((name for name in keys if keys[name] in _EPOCHS), None))


def counters_of(names: Iterable[str]) -> list[str]:
    """The names that say at which step, in which epoch or when."""
    return [name for name in names if (key := _key(name)) in _RANK or key in _EPOCHS or key in _TIMES]


def has_loss(names: Iterable[str]) -> bool:
    """Say whether one of the names is that of a loss."""
    info = Names().info
    return any("loss" in info(plain_name(name)).name.partition("loss_scale")[0] for name in names)


def is_telling(names: Iterable[str]) -> bool:
    """Say whether names are those of a training: a counter or a loss is among them."""
    info = Names().info
    return any(
        _key(name) in _RANK or _key(name) in _EPOCHS or not info(plain_name(name)).name.startswith("metric/")
        for name in names
    )


def roles_of(columns: Mapping[str, Column], names: Sequence[str], rows: int) -> Roles:
    """Find the step, the epoch and the time among columns, of which not all need to have values yet."""
    keys = {name: _key(name) for name in names}
    counters = sorted((name for name in names if keys[name] in _RANK), key=lambda name: _RANK[keys[name]])
    whole = [name for name in counters if name not in columns or _is_whole(columns[name])]
    epoch = next((name for name in names if keys[name] in _EPOCHS), None)
    time = next((n for n in names if keys[n] in _TIMES and n in columns and _is_clock(columns[n])), None)
    step = next(iter(whole), None)
    if step is None and epoch is None:
        step = _unnamed(columns, names, rows)
    aside = {step, epoch, time, *counters, ""}
    return Roles(step, epoch, time, tuple(name for name in names if name not in aside))


def _key(name: str) -> str:
    """The words of the last part of a name that tell what it counts."""
    tail = plain_name(name).replace("/", ".").rpartition(".")[2]
    return "".join(word for word in words(tail) if word not in _DATA)


def _is_whole(column: Column) -> bool:
    value = column.value[:_LOOKED_AT]
    return bool(np.all(value == np.floor(value)))


def _is_clock(column: Column) -> bool:
    value = column.value[:_LOOKED_AT]
    return bool(np.all((value > _SECONDS[0]) & (value < _SECONDS[1])))


def _unnamed(columns: Mapping[str, Column], names: Sequence[str], rows: int) -> str | None:
    """The first column that counts up in every row."""
    if rows < _SHOWS_COUNTING:
        return None
    for name in names:
        column = columns.get(name)
        if column is not None and len(column) == rows and column.value[0] >= 0 and _is_whole(column):
            distance = np.diff(column.value[:_LOOKED_AT])
            if np.all(distance > 0) and np.ptp(distance) == 0:
                return name
    return None
