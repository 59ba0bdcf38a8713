"""Small runs for tests: a few series of plain numbers, as a parser would have read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nanlog.model import Attempt, Fact, FactValue, Mark, Phase, Run, Series, SeriesInfo, Stage

_STAGES = {
    "lr": (Stage.LR, Phase.LR),
    "loss": (Stage.LOSS, Phase.FORWARD),
    "grad_norm": (Stage.GRADIENT, Phase.BACKWARD),
    "param": (Stage.STATE, Phase.UPDATE),
    "data": (Stage.FORWARD, Phase.FORWARD),
    "diff": (Stage.BACKWARD, Phase.BACKWARD),
}


def info(name: str) -> SeriesInfo:
    """What a parser would say of the series; ``data/data/x`` is taken for an input."""
    kind, *rest = name.split("/")
    stage, phase = _STAGES.get(kind, (Stage.SUMMARY, None))
    layer = rest[0] if kind in ("param", "data", "diff") else None
    if name.startswith("data/data/"):
        stage, phase = Stage.INPUT, Phase.INPUT
    return SeriesInfo(name, name, stage, phase=phase, layer=layer, statistic=layer is not None)


def make_run(
    values: Mapping[str, Sequence[float]],
    *,
    every: int = 1,
    first: int = 0,
    facts: Mapping[str, FactValue] | None = None,
    marks: Sequence[Mark] = (),
) -> Run:
    """A run of one attempt; point k of every series is logged at step ``first + k * every``, line by line."""
    names = list(values)
    table = {}
    for place, name in enumerate(names):
        count = len(values[name])
        index = np.arange(count, dtype=np.int64)
        zeros = np.zeros(count, np.int64)
        line = index * len(names) + place + 1
        table[name] = Series(info(name), first + index * every, np.array(values[name], float), line, zeros, zeros)
    longest = max((len(value) for value in values.values()), default=0)
    last = first + (longest - 1) * every if longest else None
    attempt = Attempt(0, "train.log", 1, longest * len(names), first if longest else None, last)
    stated = tuple(Fact(key, value, "train.log", 1) for key, value in (facts or {}).items())
    return Run("train.log", "test", ("train.log",), table, stated, tuple(marks), (), 0, (attempt,))
