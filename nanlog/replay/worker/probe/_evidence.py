"""From a non-finite result to an event: which of the arguments were non-finite, and what had made them so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from nanlog.replay.outcome import Operand, ReplayPhase

from ._events import Call, Event, Leaf
from ._leaves import Leaves
from ._ledger import Ledger, span_of
from ._measure import Kinds, is_finite, kinds, mask_of_nonfinite, numbers, operand
from ._operators import Operator, flat

__all__ = ["Evidence", "Given"]

#: Events of one step; a step in which all is NaN has as many as operators.
_MOST = 100_000
#: Rows and operands told of one event.
_MOST_ROWS, _MOST_OPERANDS = 64, 8
_NO_KINDS = Kinds(0, 0, 0)


@dataclass(slots=True)
class Given:
    """A tensor that an operator was given; ``written`` for one that it changes, looked at before it did."""

    tensor: torch.Tensor
    lane: int | None
    finite: bool
    written: bool = False
    before: tuple[Event, ...] = ()


class Evidence:
    """The events of a step, in order."""

    def __init__(
        self, ledger: Ledger[Event], leaves: Leaves, made_by: Callable[[torch.Tensor, Call], str | None]
    ) -> None:
        self.events: list[Event] = []
        self.rows: int | None = None
        self._ledger, self._leaves, self._made_by = ledger, leaves, made_by
        self._of_leaf: dict[Leaf, Event] = {}
        self._items: list[Event] = []

    def clear(self) -> None:
        self.events.clear()
        self._of_leaf.clear()
        self._items.clear()
        self.rows = None

    def unwritten(self, call: Call, operator: Operator, phase: ReplayPhase) -> Event:
        """Memory that nobody filled yet; an event of its own only if somebody reads it."""
        return Event(-1, phase, call, operator.kernel, Kinds(1, 0, 0), uninitialised=True)

    def event(
        self,
        operator: Operator,
        call: Call,
        phase: ReplayPhase,
        tensor: torch.Tensor,
        lane: int | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        before: list[Given],
    ) -> Event:
        values = numbers(tensor)
        found = _NO_KINDS if values is None else kinds(values)
        given = [
            each
            for each in (*before, *self._given(operator, args, kwargs))
            if lane is None or each.lane in (None, lane)
        ]
        parents = self._parents(given, tensor, phase)
        literal = _literal(args, kwargs) or self._brought_in(given)
        if literal == "nan" and not parents and self._items:
            parents = (self._items[-1],)  # a number that was read out of a tensor comes back
        made = Event(
            self._number(),
            phase,
            call,
            operator.kernel,
            found,
            dtype=str(tensor.dtype).removeprefix("torch."),
            shape=tuple(tensor.shape),
            size=tensor.numel(),
            parents=parents,
            deliberate=self._deliberate(operator, found, parents, literal, tensor),
            writes=self._leaves.of(tensor),
        )
        if made.makes or made.crosses:
            made.samples = self._rows(tensor, phase)
            made.operands = self._operands(given, call)
        self._keep(made)
        return made

    def of_leaf(self, leaf: Leaf, tensor: torch.Tensor) -> Event:
        """A tensor that was non-finite before anything was done with it."""
        known = self._of_leaf.get(leaf)
        if known is None:
            tensor = self._leaves.whole(leaf, tensor)
            values = numbers(tensor)
            found = _NO_KINDS if values is None else kinds(values)
            call = Call("", leaf.module)
            known = Event(self._number(), leaf.phase, call, "", found, str(tensor.dtype).removeprefix("torch."))
            known.leaf, known.shape, known.size = leaf, tuple(tensor.shape), tensor.numel()
            known.deliberate = (leaf.buffer or leaf.phase is ReplayPhase.INPUT) and _is_mask(tensor, found)
            if leaf.phase is ReplayPhase.INPUT:
                known.samples = self._rows(tensor, leaf.phase)
            known.operands = (operand(_said(leaf), tensor, None),)
            self._of_leaf[leaf] = known
            self._keep(known)
        return known

    def read_out(self, tensor: torch.Tensor) -> None:
        """``item()``: the number may come back as an argument."""
        found = self._ledger.behind(span_of(tensor))
        if found:
            self._items = [found[-1]]

    def behind(self, tensor: torch.Tensor) -> tuple[Event, ...]:
        """What made a tensor non-finite: operators of this step, else the tensor itself."""
        found = [event for event in self._ledger.behind(span_of(tensor)) if event.kinds.total]
        if found:
            for event in found:
                if event.number < 0:
                    event.number = self._number()
                    self._keep(event)
            return tuple(found)
        leaf = self._leaves.of(tensor) or Leaf(ReplayPhase.INPUT, None)
        return (self.of_leaf(leaf, tensor),)

    def _given(self, operator: Operator, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Given]:
        written = {id(tensor) for tensor, _ in operator.written(args, kwargs)}
        for argument in (*args, *kwargs.values()):
            for tensor, lane in operator.with_lanes(argument):
                values = numbers(tensor)
                if id(tensor) not in written:
                    yield Given(tensor, lane, values is None or is_finite(values))

    def _parents(self, given: list[Given], result: torch.Tensor, phase: ReplayPhase) -> tuple[Event, ...]:
        bad = [each for each in given if not each.finite]
        if len(bad) > 1:
            bad = _reaching(bad, result, _selection(given)) or bad
        found: dict[int, Event] = {}
        for each in bad:
            for event in () if self._is_number(each.tensor) else self.behind(each.tensor):
                found[id(event)] = event
        return tuple(found.values())

    def _is_number(self, tensor: torch.Tensor) -> bool:
        """A number of the code that torch made a tensor of, as ``x[mask] = -inf`` does: nothing else is known of it."""
        return tensor.dim() == 0 and not self._ledger.behind(span_of(tensor)) and self._leaves.of(tensor) is None

    def _brought_in(self, given: list[Given]) -> str | None:
        found = [each.tensor for each in given if not each.finite and self._is_number(each.tensor)]
        return None if not found else "nan" if bool(found[0].isnan()) else "inf"

    def _deliberate(
        self, operator: Operator, found: Kinds, parents: tuple[Event, ...], literal: str | None, tensor: torch.Tensor
    ) -> bool:
        if parents:
            return not found.nan and all(parent.deliberate for parent in parents)
        return (literal == "inf" and not found.nan) or (operator.constant and tensor.numel() == 1)

    def _rows(self, tensor: torch.Tensor, phase: ReplayPhase) -> tuple[int, ...] | None:
        """The rows that are non-finite, where rows are samples and not all of them are."""
        if not self.rows or tensor.dim() == 0 or tensor.shape[0] != self.rows or phase is ReplayPhase.UPDATE:
            return None
        mask = mask_of_nonfinite(tensor)
        if mask is None:
            return None
        rows = mask.reshape(self.rows, -1).any(1).nonzero().flatten().tolist()
        return tuple(rows[:_MOST_ROWS]) if rows and (len(rows) < self.rows or phase is ReplayPhase.INPUT) else None

    def _operands(self, given: list[Given], call: Call) -> tuple[Operand, ...]:
        found = []
        for position, each in enumerate(given[:_MOST_OPERANDS]):
            leaf = self._leaves.of(each.tensor)
            made_by = None if each.tensor.grad_fn is None else self._made_by(each.tensor, call)
            found.append(operand(_said(leaf) if leaf else f"argument {position}", each.tensor, made_by))
        return tuple(found)

    def _number(self) -> int:
        return len(self.events)

    def _keep(self, event: Event) -> None:
        if len(self.events) < _MOST:
            self.events.append(event)


def _said(leaf: Leaf) -> str:
    name = leaf.tensor or "a tensor made outside of torch"
    if leaf.phase is ReplayPhase.INPUT:
        return f"{name} of {leaf.detail}" if leaf.detail else name
    return f"{leaf.detail} of {name}" if leaf.detail else name


def _literal(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """``nan`` or ``inf`` where a number that stands in the code is that."""
    found = None
    for value in flat([list(args), list(kwargs.values())]):
        if isinstance(value, float | complex) and not _finite(value):
            if value != value:
                return "nan"
            found = "inf"
    return found


def _finite(value: complex) -> bool:
    return math.isfinite(value.real) and math.isfinite(value.imag)


def _is_mask(tensor: torch.Tensor, found: Kinds) -> bool:
    """-inf where attention must not look and 0 where it may: written on purpose."""
    if found.nan or found.positive or not found.negative:
        return False
    values = numbers(tensor)
    return values is not None and bool(((values == 0) | torch.isinf(values)).all())


def _selection(given: list[Given]) -> dict[int, torch.Tensor]:
    """Where ``torch.where`` takes which of its two tensors, by identity."""
    if len(given) != 3 or given[0].tensor.dtype is not torch.bool or given[1].tensor is given[2].tensor:
        return {}
    condition = given[0].tensor
    return {id(given[1].tensor): condition, id(given[2].tensor): ~condition}


def _reaching(bad: list[Given], result: torch.Tensor, taken: Mapping[int, torch.Tensor]) -> list[Given]:
    """Those that are non-finite where the result is; they may be smaller and spread over it."""
    target = mask_of_nonfinite(result)
    if target is None:
        return bad
    found = []
    for each in bad:
        if each.written:
            found.append(each)  # what it was is gone
            continue
        mask = mask_of_nonfinite(each.tensor)
        try:
            here = target & taken.get(id(each.tensor), target)
            if mask is None or bool((mask.broadcast_to(target.shape) & here).any()):
                found.append(each)
        except RuntimeError:  # shapes that do not belong together: every part may reach every other
            found.append(each)
    return found
