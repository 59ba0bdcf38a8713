"""The suspect steps once more, unchanged: does the fault come back, and are the numbers the same?"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from nanlog.replay.outcome import Trial
from nanlog.replay.protocol import Send

from .finding import Found
from .loading import Opened
from .stepping import ran
from .symptoms import Step, Symptom
from .training import State

__all__ = ["Repeats", "repeated"]

#: Unchanged runs in all, where the first two disagree.
_MOST = 4


@dataclass(slots=True)
class Repeats:
    """What the unchanged runs came to.

    ``window`` and ``bad`` are the first and the last of the suspect steps, with the states before them.
    """

    window: int
    bad: int
    at_window: State
    at_bad: State | None
    past: list[Step]
    symptom: Symptom | None = None
    deterministic: bool = True
    bad_runs: int = 0
    runs: int = 1
    earlier: dict[int, State] = field(default_factory=dict)

    @property
    def comes_and_goes(self) -> bool:
        return 0 < self.bad_runs < self.runs


def repeated(opening: Opened, found: Found, send: Send, tick: Callable[[object], None]) -> Repeats:
    """Run the suspect steps again from the same state; more than twice only where the runs disagree."""
    window = found.window(opening.departure)
    past = [step for step in found.steps if step.step >= window]
    repeats = Repeats(window, found.bad, found.states[window], None, past, found.symptom)
    repeats.bad_runs = int(found.symptom is not None)
    repeats.earlier = {step: state for step, state in found.states.items() if step < window}
    _tell(send, found.steps, found.symptom, found.ended, 0.0)
    if not past:
        send("repeated", reproduced=False, deterministic=None, steps=None, losses=[])
        return repeats
    send("stage", says=f"repeating steps {window} to {found.bad} unchanged", total=found.bad - window + 1)
    while repeats.runs < 2 or (repeats.runs < _MOST and repeats.comes_and_goes):
        _once_more(opening, repeats, send, tick)
    steps = (window if repeats.bad_runs else found.steps[0].step, repeats.bad)
    send(
        "repeated",
        reproduced=repeats.bad_runs > 0,
        deterministic=repeats.deterministic,
        steps=steps,
        losses=[step.loss for step in past],
    )
    return repeats


def _once_more(opening: Opened, repeats: Repeats, send: Send, tick: Callable[[object], None]) -> None:
    began = time.monotonic()
    training = opening.training
    training.restore(repeats.at_window)
    again: list[Step] = []

    def batch(step: int) -> object:
        if step == repeats.bad:
            repeats.at_bad = training.snapshot()
        return training.batch(step)

    for step in ran(training, opening.watch, range(repeats.window, repeats.bad + 1), batch, tick):
        again.append(step)
    symptom = again[-1].symptom if again else None
    repeats.runs += 1
    repeats.bad_runs += int(symptom is not None)
    repeats.deterministic &= _same(repeats.past, again)
    if symptom is not None and again[-1].step < repeats.bad:  # it came earlier this time
        repeats.bad = again[-1].step
        repeats.at_bad = None
    repeats.symptom = repeats.symptom or symptom
    _tell(send, again, symptom, "", time.monotonic() - began)


def _same(one: list[Step], other: list[Step]) -> bool:
    """Bit for bit the same losses, and the same end."""

    def told(steps: list[Step]) -> list[object]:
        return [("nan" if math.isnan(s.loss) else s.loss, s.symptom is None, _size(s)) for s in steps]

    return told(one) == told(other)


def _size(step: Step) -> object:
    return "nan" if math.isnan(step.parameter) else step.parameter


def _tell(send: Send, steps: list[Step], symptom: Symptom | None, ended: str, seconds: float) -> None:
    if not steps:
        detail = ended or "no step could be run"
    elif symptom is None:
        detail = f"steps {steps[0].step} to {steps[-1].step} are finite" + (f"; {ended}" if ended else "")
    else:
        detail = f"step {steps[-1].step}: {symptom}"
    if steps:
        losses = tuple(step.loss for step in steps[-8:])
        span = (steps[0].step, steps[-1].step)
        send("trial", trial=Trial("repeat", symptom is None, f"unchanged; {detail}", span, losses, round(seconds, 3)))
    else:
        send("note", says=f"nothing could be run: {detail}")
