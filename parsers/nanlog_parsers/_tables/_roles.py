"""What the columns of a table or the keys of a record are for, judged by their names and values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nanlog_parsers._names import Names, words

from ._chunk import Column
from ._counters import counter, is_epoch, plain_name, step_of

__all__ = ["MEASURED_ON", "NAMED_BY", "Roles", "has_loss", "is_of_runs", "is_telling", "roles_of"]

_TIMES = {"timestamp", "time", "walltime", "ts", "unixtime", "created", "createdat", "unixtimestamp"}

#: Keys whose words say on which data the numbers beside them were measured.
MEASURED_ON = frozenset(
    {
        *("split", "phase", "mode", "stage", "subset", "partition", "set", "loop", "type", "kind", "event"),
        *("log_type", "job", "prefix", "section", "dataset"),
    }
)
#: Keys whose words are the name of the series that stands beside them as ``value``.
NAMED_BY = ("name", "metric", "tag", "key", "scalar", "variable", "series")

#: POSIX seconds from 1990 to 2096.
_SECONDS = (6.3e8, 4e9)
_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of columns; ``series`` are the rest."""

    step: str | None
    epoch: str | None
    time: str | None
    series: tuple[str, ...]


def has_loss(names: Iterable[str]) -> bool:
    """Say whether one of the names is that of a loss."""
    info = Names().info
    return any("loss" in info(plain_name(name)).name.partition("loss_scale")[0] for name in names)


def is_telling(names: Iterable[str]) -> bool:
    """Say whether names are those of a training: a counter or a loss is among them."""
    info = Names().info
    return any(
        is_epoch(name) or _is_telling_counter(name) or not info(plain_name(name)).name.startswith("metric/")
        for name in names
    )


def roles_of(columns: Mapping[str, Column], names: Sequence[str], rows: int) -> Roles:
    """Find the step, the epoch and the time among columns, of which not all need to have values yet."""
    epoch = min(filter(is_epoch, names), key=len, default=None)
    time = next((name for name in names if _is_time(name) and name in columns and _is_clock(columns[name])), None)
    step = step_of(columns, names, epoch, rows)
    known = ((name, counter(name)) for name in names)
    others = {name for name, found in known if found is not None and not found.is_consumed}
    aside = {step, epoch, time, "", *others}
    return Roles(step, epoch, time, tuple(name for name in names if name not in aside))


def is_of_runs(names: Sequence[str]) -> bool:
    """Whether a table was exported by Weights & Biases, which leaves no cell empty for NaN."""
    return any(name.endswith("__MIN") for name in names)


def _is_telling_counter(name: str) -> bool:
    found = counter(name)
    return found is not None and not found.is_consumed


def _is_time(name: str) -> bool:
    return "".join(words(plain_name(name).replace("/", ".").rpartition(".")[2])) in _TIMES


def _is_clock(column: Column) -> bool:
    value = column.value[:_LOOKED_AT]
    return bool(np.all((value > _SECONDS[0]) & (value < _SECONDS[1])))
