"""From something that matters back to the operator that made it so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nanlog.replay.outcome import ReplayPhase

from ._events import Event

__all__ = ["Origin", "forward_ancestors", "origin_of"]

#: What was there before the step comes before what the step did.
_RANK = {ReplayPhase.PARAMETER: 0, ReplayPhase.OPTIMIZER_STATE: 1, ReplayPhase.INPUT: 2}


@dataclass(frozen=True, slots=True)
class Origin:
    """``path`` leads from the origin to what matters, both included."""

    event: Event
    path: tuple[Event, ...]


def origin_of(targets: Iterable[Event], reached: frozenset[int]) -> Origin | None:
    """The earliest operator among those that made the targets non-finite out of finite values.

    ``reached`` are the numbers of the forward events that made the loss non-finite: those alone may be blamed for a
    gradient.  Any other infinity of the forward did no harm there; what turned it into NaN in backward did.
    """
    best: Origin | None = None
    for target in targets:
        for found in _origins(target, reached):
            if best is None or _key(found.event) < _key(best.event):
                best = found
    return best


def forward_ancestors(roots: Iterable[Event]) -> frozenset[int]:
    """The events behind the loss, as far as forward led there."""
    seen: set[int] = set()
    waiting = [root for root in roots if root.phase is not ReplayPhase.BACKWARD]
    while waiting:
        event = waiting.pop()
        if event.number not in seen:
            seen.add(event.number)
            waiting.extend(parent for parent in event.parents if parent.phase is not ReplayPhase.BACKWARD)
    return frozenset(seen)


def _key(event: Event) -> tuple[int, int]:
    return _RANK.get(event.phase, 3), event.number


def _origins(target: Event, reached: frozenset[int]) -> list[Origin]:
    came_from: dict[int, Event | None] = {id(target): None}
    waiting, found = [target], []
    while waiting:
        event = waiting.pop()
        blamed = _to_blame(event, reached)
        if not blamed:
            found.append(Origin(event, _path(event, came_from)))
        for parent in blamed:
            if id(parent) not in came_from:
                came_from[id(parent)] = event
                waiting.append(parent)
    return found


def _path(event: Event | None, came_from: dict[int, Event | None]) -> tuple[Event, ...]:
    path = []
    while event is not None:
        path.append(event)
        event = came_from[id(event)]
    return tuple(path)


def _to_blame(event: Event, reached: frozenset[int]) -> list[Event]:
    """The parents that the result is due to; none where the operator itself made it."""
    parents = [parent for parent in event.parents if _may_be_blamed(event, parent, reached)]
    if event.nan:
        spoilt = [parent for parent in parents if parent.nan]
        # An infinity that was written on purpose is no fault; making NaN of it is.
        return spoilt or [parent for parent in parents if not parent.deliberate]
    accidental = [parent for parent in parents if not parent.deliberate]
    return accidental or parents


def _may_be_blamed(event: Event, parent: Event, reached: frozenset[int]) -> bool:
    crossing = event.phase is ReplayPhase.BACKWARD and parent.phase is ReplayPhase.FORWARD
    return not crossing or parent.number in reached
