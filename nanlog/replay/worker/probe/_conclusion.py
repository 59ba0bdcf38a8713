"""What matters of all that was non-finite in a step, and what made it so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nanlog.replay.outcome import Benign, FirstNonfinite, ReplayPhase
from nanlog.replay.worker.raised import first_of_error

from ._events import Event
from ._findings import benign_places, first_nonfinite, raised_instead
from ._leaves import Leaves
from ._naming import BUNDLES
from ._origin import forward_ancestors, origin_of
from ._raised import Raised

__all__ = ["Conclusion", "Scene", "concluded"]

Events = tuple[Event, ...]


@dataclass(slots=True)
class Scene:
    """What was found non-finite at the places that matter, with the events behind.

    ``roots`` are what backward started from (and whether it was the training's backward, not that of a penalty),
    ``gradients`` those of parameters, ``after`` parameters and buffers when the step had ended, ``spoilt_before`` when
    it began, ``states`` those of the optimizers: a moment that has become infinite stops its parameter for good.
    ``unscaled`` is the loss before a loss scaler's factor.
    """

    spoilt_before: frozenset[str] = frozenset()
    roots: list[tuple[Events, bool]] = field(default_factory=list)
    gradients: dict[str, Events] = field(default_factory=dict)
    after: dict[str, Events] = field(default_factory=dict)
    states: list[Events] = field(default_factory=list)
    raised: Raised | None = None
    error: BaseException | None = None
    went_backward: bool = False
    updated: bool = False
    overflowed: bool = False
    unscaled: float | None = None

    @property
    def harmed(self) -> dict[str, Events]:
        """Parameters and buffers that the step spoilt."""
        return {name: events for name, events in self.after.items() if name not in self.spoilt_before}

    @property
    def skipped(self) -> bool:
        """A loss scaler found the gradients overflowed while the loss was finite, and kept them from the parameters."""
        lost = self._roots() and (self.unscaled is None or not math.isfinite(self.unscaled))
        return self.overflowed and not lost and not self.harmed and not self.states

    def targets(self, events: Sequence[Event]) -> Iterable[Event]:
        """The events that matter: behind the loss, else behind an exception, a gradient, a parameter."""
        if self.skipped:
            return ()
        ends = self._roots() or self._behind_error(events) or self._gradients()
        ends = ends or self._flat(self.harmed.values()) or self._flat(self.states)
        if ends or self.went_backward or self.raised_it:
            return ends
        scalars = [event for event in events if event.size == 1 and event.phase is ReplayPhase.FORWARD]
        return scalars[-1:]  # no backward was seen: the last single number is the loss

    def spoilt(self) -> Events:
        """All that a step which went bad left non-finite: what came of the fault is no harmless place either."""
        if self.skipped or not (self.roots or self.harmed or self.states):
            return ()
        roots = self._flat(events for events, _ in self.roots)
        return (*roots, *self._gradients(), *self._flat(self.harmed.values()), *self._flat(self.states))

    def _roots(self) -> Events:
        mine = [events for events, accumulates in self.roots if accumulates or not self.went_backward]
        return self._flat(mine[:1])

    def _gradients(self) -> Events:
        """A gradient that was kept from the parameters (zeroed, replaced, the step left out) did no harm."""
        kept_away = self.updated and not self.harmed and not self.states
        return () if kept_away else self._flat(self.gradients.values())

    def _behind_error(self, events: Sequence[Event]) -> Events:
        if self.error is None:
            return ()
        if self.raised_it and self.raised is not None and self.raised.call.op not in BUNDLES:
            return self.raised.behind  # else it may be autograd's own search for NaN
        spoilt = [event for event in events if event.nan]
        return tuple(spoilt[-1:])

    @property
    def raised_it(self) -> bool:
        """Whether the error that ended the step came out of an operator."""
        error = self.error
        while error is not None and self.raised is not None:
            if error is self.raised.error:
                return True
            error = error.__cause__ or error.__context__
        return False

    @staticmethod
    def _flat(groups: Iterable[Events]) -> Events:
        return tuple(event for group in groups for event in group)


@dataclass(frozen=True, slots=True)
class Conclusion:
    first: FirstNonfinite | None = None
    benign: tuple[Benign, ...] = ()


def concluded(scene: Scene, events: Sequence[Event], step: int, leaves: Leaves) -> Conclusion:
    targets = tuple(scene.targets(events))
    origin = origin_of(targets, forward_ancestors(scene._roots()))
    harmful = _involved((*targets, *scene.spoilt()), events)
    if origin is not None:
        return Conclusion(first_nonfinite(origin, step), benign_places(events, harmful))
    first = None
    if scene.error is not None and scene.raised is not None and scene.raised_it:
        first = raised_instead(scene.raised, step, leaves)
    elif scene.error is not None:
        first = first_of_error(scene.error, step)
    return Conclusion(first, benign_places(events, harmful))


def _involved(targets: Iterable[Event], events: Iterable[Event]) -> frozenset[int]:
    """All that lies behind the targets, and all that followed from any of it."""
    involved: set[int] = set()
    waiting = list(targets)
    while waiting:
        event = waiting.pop()
        if event.number not in involved:
            involved.add(event.number)
            waiting.extend(event.parents)
    for event in events:
        if any(parent.number in involved for parent in event.parents):
            involved.add(event.number)
    return frozenset(involved)
