"""The course of a replay inside the worker: load, find the step, repeat, look into it, change one thing at a time."""

from __future__ import annotations

from nanlog.errors import NanlogError
from nanlog.replay.outcome import NotRun, Status
from nanlog.replay.plan import Plan
from nanlog.replay.protocol import Send

from .bisecting import bisected
from .clock import Clock, OutOfBudgetError
from .finding import Finder
from .loading import Opened, opened
from .looking import looked_into
from .repeating import Repeats, repeated
from .scene import EarlierState, Scene
from .signs import signs_of
from .stepping import OutOfMemoryError
from .training import State
from .trials import in_order, known_names, tried

__all__ = ["Session"]


class Session:
    """One plan carried out; everything it learns is sent at once."""

    def __init__(self, plan: Plan, send: Send) -> None:
        self.plan = plan
        self.send = send
        self.clock = Clock(plan.budget)

    def run(self) -> None:
        """Never raises for what the target, the checkpoint or the steps do: that is told."""
        try:
            self._run()
        except NanlogError as error:
            self.send("failed", kind=type(error).__name__, says=str(error))
        except OutOfMemoryError as error:
            self._end(Status.CRASHED, f"the steps do not fit into memory: {error}")
        except OutOfBudgetError:
            self._end(Status.OUT_OF_BUDGET, f"the budget of {self.plan.budget:g} s is used up")
        else:
            self._end(Status.COMPLETE, None)

    def _end(self, status: Status, why: str | None) -> None:
        self.send("ended", status=status, why=why)

    def _run(self) -> None:
        known_names(self.plan)
        opening = opened(self.plan, self.send)
        if self.plan.scan_inputs:
            from .inputs import scan

            scan(opening.training, self.plan, self.send)
            return
        found = Finder(opening, self.plan, self.send, self.clock.tick).find()
        repeats = repeated(opening, found, self.send, self.clock.tick)
        if repeats.symptom is None:
            return
        scene = _scene(opening, repeats, self.plan)
        benign = looked_into(scene, self.send, comes_and_goes=repeats.comes_and_goes)
        if not repeats.comes_and_goes:
            bisected(scene, self.send, self.clock.tick)
        self.send("first", first=scene.first, benign=benign)
        self.send("signs", signs=signs_of(scene, repeats))
        if self.plan.bundle is not None:
            from .bundle import write_bundle

            write_bundle(scene, self.plan, self.send)
        self._try_all(scene, repeats)

    def _try_all(self, scene: Scene, repeats: Repeats) -> None:
        chosen = list(in_order(self.plan, scene))
        self.send("stage", says="changing one thing at a time", total=len(chosen))
        for intervention in chosen:
            self.clock.tick()
            if repeats.comes_and_goes:
                why = "the fault does not come back in every unchanged repeat: staying finite would prove nothing"
                self.send("not_run", not_run=NotRun(intervention.name, why))
                continue
            self.send("trying", intervention=intervention.name, title=intervention.title)
            result = tried(intervention, scene, self.clock.tick)
            kind = "not_run" if isinstance(result, NotRun) else "trial"
            self.send(kind, **{kind: result})


def _scene(opening: Opened, repeats: Repeats, plan: Plan) -> Scene:
    assert repeats.symptom is not None  # noqa: S101  for mypy: it was seen to before
    at_bad = repeats.at_bad or _state_before(opening, repeats)
    earlier = [
        EarlierState(step, f"the state before step {step}", state)
        for step, state in sorted({**repeats.earlier, repeats.window: repeats.at_window}.items(), reverse=True)
        if step < repeats.bad
    ]
    return Scene(
        opening.training,
        plan,
        opening.loaded,
        repeats.window,
        repeats.bad,
        repeats.at_window,
        at_bad,
        repeats.symptom,
        fresh=opening.loaded.before,
        past=tuple(repeats.past),
        earlier=earlier,
        corrupt=opening.corrupt,
    )


def _state_before(opening: Opened, repeats: Repeats) -> State:
    """The state before the step that went bad, where no repeat came by it."""
    training = opening.training
    training.restore(repeats.at_window)
    for step in range(repeats.window, repeats.bad):
        training.run_step(training.batch(step), step)
    return training.snapshot()
