"""The smallest and largest value on the way, by operator and module, in the order in which they were first seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from nanlog.replay.outcome import ReplayPhase

from ._events import Call
from ._measure import Extent

__all__ = ["Range", "Ranges"]

#: More are not kept: a loop over single tensors would fill the memory.
_MOST = 20_000


@dataclass(slots=True)
class Range:
    """``minimum`` and ``maximum`` over the finite results; ``nonfinite`` counts the others of ``results``."""

    phase: ReplayPhase
    module: str | None
    op: str
    dtype: str
    minimum: float = math.inf
    maximum: float = -math.inf
    results: int = 0
    nonfinite: int = 0


class Ranges:
    """Bounded; what comes first is kept."""

    def __init__(self) -> None:
        self._found: dict[tuple[ReplayPhase, str | None, str, torch.dtype], Range] = {}

    def clear(self) -> None:
        self._found.clear()

    def add(self, phase: ReplayPhase, call: Call, dtype: torch.dtype, found: Extent) -> None:
        key = (phase, call.module, call.op, dtype)
        known = self._found.get(key)
        if known is None:
            if len(self._found) >= _MOST:
                return
            known = self._found[key] = Range(phase, call.module, call.op, str(dtype).removeprefix("torch."))
        known.results += 1
        if found.finite:
            known.minimum = min(known.minimum, found.minimum)
            known.maximum = max(known.maximum, found.maximum)
        else:
            known.nonfinite += 1

    def all(self) -> tuple[Range, ...]:
        return tuple(self._found.values())
