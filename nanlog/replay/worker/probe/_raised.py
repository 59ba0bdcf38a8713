"""Operators that raise instead of giving something non-finite: a label out of range, an index, a batch of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from nanlog.replay.outcome import ReplayPhase

from ._events import Call, Event
from ._ledger import Span, span_of
from ._operators import Operator, flat

__all__ = ["Misplaced", "Raised", "misplaced", "refuse_misplaced"]

#: Position of the indices, and what bounds them: (position of a tensor, its dimension) or None for argument ``dim``.
_INDEXED: dict[str, tuple[int, int, int | None]] = {
    "nll_loss_forward": (1, 0, 1),
    "nll_loss2d_forward": (1, 0, 1),
    "nll_loss_nd": (1, 0, 1),
    "embedding": (1, 0, 0),
    "gather": (2, 0, None),
    "index_select": (2, 0, None),
    "scatter": (2, 0, None),
    "scatter_": (2, 0, None),
    "scatter_add": (2, 0, None),
    "scatter_add_": (2, 0, None),
}
_IGNORED = {"nll_loss_forward": 4, "nll_loss2d_forward": 4}


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Indices out of range: ``rows`` of the tensor they are in, and one of them as an example."""

    span: Span | None
    rows: tuple[int, ...]
    value: int
    count: int


@dataclass(slots=True)
class Raised:
    """What was raised, where, and what had spoilt the arguments if they were not finite."""

    error: BaseException
    call: Call
    phase: ReplayPhase
    behind: tuple[Event, ...] = ()
    misplaced: Misplaced | None = None


def misplaced(operator: Operator, args: tuple[Any, ...]) -> Misplaced | None:
    """Indices of a look-up that lie outside of what is looked up."""
    where = _INDEXED.get(operator.kernel)
    if where is None or len(args) <= where[0]:
        return None
    position, bounding, dimension = where
    indices, bounds = args[position], args[bounding]
    if not isinstance(indices, torch.Tensor) or indices.numel() == 0 or indices.is_floating_point():
        return None
    dimension = int(args[1]) if dimension is None else min(dimension, bounds.dim() - 1)
    count = int(bounds.shape[dimension])
    bad = (indices < 0) | (indices >= count)
    ignored = _IGNORED.get(operator.kernel)
    if ignored is not None and len(args) > ignored:
        bad &= indices != args[ignored]
    places = bad.nonzero()
    if not len(places):
        return None
    first = tuple(places[0].tolist())
    rows = tuple(sorted(set(places[:, 0].tolist()))) if bad.dim() else ()
    return Misplaced(span_of(indices), rows, int(indices[first]), count)


def refuse_misplaced(operator: Operator, args: tuple[Any, ...]) -> None:
    """On a GPU such an index ends the process some operators later; here it raises at once, as on the CPU."""
    if operator.kernel not in _INDEXED or not any(isinstance(a, torch.Tensor) and a.is_cuda for a in flat(list(args))):
        return
    found = misplaced(operator, args)
    if found is not None:
        raise IndexError(f"index {found.value} is out of range: there are {found.count} (0 to {found.count - 1})")
