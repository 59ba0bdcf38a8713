"""Runs made up of a few series, such as no log would hold or hardly any: what a rule must bear."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from nanlog.model import Attempt, Fact, FactValue, Mark, MarkKind, Phase, Run, Series, SeriesInfo, Span, Stage

__all__ = ["made_runs"]

_FILE = "made.log"
_NAN, _INF = math.nan, math.inf
_CALM = (2.3, 2.2, 2.4, 2.1, 2.0, 2.2, 1.9, 2.0)

_LOSSES: tuple[Sequence[float], ...] = (
    (),
    (_NAN,),
    (2.0,),
    _CALM,
    (*_CALM, _NAN, _NAN),
    (*_CALM, 20.0, 400.0, 1e30, _INF, _NAN),
    (*_CALM, _NAN, *_CALM),
    (_NAN, _NAN, _NAN),
    (-_INF, _INF, -_INF),
    (*_CALM, 87.3365, 87.3365, 87.3365),
    (1e308, -1e308, 1.7e308, _NAN),
    (0.0,) * 12,
    (*_CALM, *(10.0**power for power in range(3, 30))),
)
_OTHERS: tuple[tuple[str, Sequence[float]], ...] = (
    ("", ()),
    ("lr", (0.1,)),
    ("lr", (0.0,)),
    ("lr", (_NAN,)),
    ("lr", (-_INF, 1e300, -1.0)),
    ("grad_norm", (1.0, 2.0)),
    ("grad_norm", (1.0, 5.0, _INF, _NAN)),
    ("loss_scale", (65536.0, 32768.0, 1.0)),
    ("val/loss", (2.0, _NAN)),
    ("metric/accuracy", (_NAN,)),
    ("data/fc1/fc1", (1.0, 6e4, _INF)),
    ("diff/fc1/fc1", (_NAN,)),
    ("grad_norm/fc1", (0.0, _NAN)),
)
#: What a log may state under any key.
_STATED: tuple[FactValue, ...] = (0, -1, 1e300, _NAN, -_INF, "", "text", "1e999", True, 10**400)

_PLACES = {
    "loss": (Stage.LOSS, Phase.FORWARD),
    "lr": (Stage.LR, Phase.LR),
    "grad_norm": (Stage.GRADIENT, Phase.BACKWARD),
    "data": (Stage.FORWARD, Phase.FORWARD),
    "diff": (Stage.BACKWARD, Phase.BACKWARD),
    "val": (Stage.EVALUATION_AFTER, None),
}


def made_runs(facts: Sequence[str]) -> Iterator[Run]:
    """Runs of one attempt, with every combination of a loss and another series; ``facts`` are keys the log states."""
    for number, (loss, (name, values)) in enumerate(product(_LOSSES, _OTHERS)):
        repeated = [values[step % len(values)] for step in range(len(loss))] if values else []
        table = {key: points for key, points in (("loss", loss), (name, repeated)) if len(points)}
        stated = {key: _STATED[(number + place) % len(_STATED)] for place, key in enumerate(facts)}
        yield _run(table, stated, number)


def _run(values: Mapping[str, Sequence[float]], stated: Mapping[str, FactValue], number: int) -> Run:
    names = list(values)
    table = {name: _series(name, values[name], place, len(names), number) for place, name in enumerate(names)}
    lines = max(map(len, values.values()), default=0) * len(names)
    attempt = Attempt(0, _FILE, 1, max(lines, 1), 0, lines, spans=(Span(_FILE, 1, None),))
    marks = (Mark(tuple(MarkKind)[number % len(MarkKind)], _FILE, max(lines, 1), step=None if number % 2 else 3),)
    facts = tuple(Fact(key, value, _FILE, 1) for key, value in stated.items())
    return Run(_FILE, "made", (_FILE,), table, facts, marks, attempts=(attempt,), lines=lines)


def _series(name: str, values: Sequence[float], place: int, count: int, number: int) -> Series:
    """Point k stands in line ``k * count + place + 1``; the steps of every third run are all unknown."""
    stage, phase = _PLACES.get(name.partition("/")[0], (Stage.SUMMARY, None))
    layer = "fc1" if "fc1" in name else None
    index = np.arange(len(values), dtype=np.int64)
    zeros = np.zeros(len(values), np.int64)
    step = index if number % 3 else zeros - 1
    info = SeriesInfo(name, name, stage, phase=phase, layer=layer, statistic=layer is not None)
    return Series(info, step, np.array(values, np.float64), index * count + place + 1, zeros, zeros)
