"""Running forward from the checkpoint, unchanged, until something is not finite."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from nanlog.replay.plan import BOUND, Plan
from nanlog.replay.protocol import Send

from .loading import Opened
from .stepping import ran
from .symptoms import Step, Symptom
from .training import State

__all__ = ["Finder", "Found"]

#: A state is kept every so many steps, the last two and the first of them: a trial begins that far before the fault.
STRIDE = 16
#: A loss scaler skips now and then; so many updates in a row are a training that stands still.
_SKIPS = 20
#: Growth begins where the loss or the gradient exceeds this many times what it was at first.
_DEPARTS = 3.0


@dataclass(slots=True)
class Found:
    """What the first unchanged run came to; ``symptom`` is None when all was finite.

    ``states`` are copies of the state before some of its steps, ``ended`` is why it went no further.
    """

    steps: list[Step] = field(default_factory=list)
    states: dict[int, State] = field(default_factory=dict)
    symptom: Symptom | None = None
    ended: str = ""

    @property
    def bad(self) -> int:
        """The step that went bad; the last one when none did."""
        return self.steps[-1].step if self.steps else 0

    def window(self, departure: int | None) -> int:
        """The first suspect step that a state is kept for: before the growth, and some steps before the fault."""
        last = self.bad if departure is None else min(departure, self.bad)
        grew = self._growth_began()
        wanted = min(last, self.bad if grew is None else grew, max(self.bad - STRIDE // 2, min(self.states)))
        return max((step for step in self.states if step <= wanted), default=min(self.states))

    def _growth_began(self) -> int | None:
        """The first step after which the loss and the gradient never came back to normal."""
        finite = [step for step in self.steps if math.isfinite(step.loss)]
        if len(finite) < 2:
            return None
        early = median(abs(step.loss) for step in finite[: max(1, len(finite) // 2)])
        began = None
        for step in reversed(finite):
            if abs(step.loss) <= _DEPARTS * max(early, 1e-12):
                break
            began = step.step
        return began


class Finder:
    """Runs the training as it is, from the checkpoint on."""

    def __init__(self, opening: Opened, plan: Plan, send: Send, tick: Callable[[object], None]) -> None:
        self.opening, self.plan, self.send, self.tick = opening, plan, send, tick

    def find(self) -> Found:
        opening = self.opening
        found = Found(states={opening.start: opening.state})
        end = self.plan.end
        last = max(end, opening.start) if end is not None else opening.start + BOUND - 1
        if end is not None and end < opening.start:
            last = opening.start + BOUND - 1
        self.send("stage", says="running forward from the checkpoint", total=last - opening.start + 1)
        skips = 0
        for step in ran(
            opening.training, opening.watch, range(opening.start, last + 1), self._batch(found), self._told
        ):
            found.steps.append(step)
            skips = skips + 1 if step.skipped else 0
            if skips >= _SKIPS:
                found.symptom = Symptom("gradient", f"(the loss scaler skipped {skips} updates in a row)")
                return found
        found.symptom = found.steps[-1].symptom if found.steps else None
        found.ended = self._why_ended(found, last)
        return found

    def _batch(self, found: Found) -> Callable[[int], object]:
        """The batch of a step; the state before it is kept where the step is one of those to come back to."""
        training = self.opening.training

        def batch(step: int) -> object:
            batch = training.batch(step)
            on_the_way = (step - self.opening.start) % STRIDE == 0
            if step not in found.states and (on_the_way or step == self.plan.departure):
                found.states[step] = training.snapshot()
                self._let_go(found)
            return batch

        return batch

    def _let_go(self, found: Found) -> None:
        """Two states of the stride are enough, with the first one and that before the departure."""
        spare = [s for s in sorted(found.states) if s not in (self.opening.start, self.plan.departure)]
        for step in spare[:-2]:
            del found.states[step]

    def _told(self, step: Step) -> None:
        self.send("step", step=step.step, loss=step.loss)
        self.tick(None)

    def _why_ended(self, found: Found, last: int) -> str:
        if not found.steps:
            return f"there is no batch for step {self.opening.start}"
        if found.bad < last:
            return f"the batches end after step {found.bad}"
        return (
            f"step {last} is the last that was asked for" if self.plan.asked else f"step {last} is as far as is looked"
        )
