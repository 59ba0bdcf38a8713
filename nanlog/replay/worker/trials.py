"""Trying one intervention."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from difflib import get_close_matches

from nanlog.replay.operators import nominated
from nanlog.replay.outcome import NotRun, Trial
from nanlog.replay.plan import Plan

from .clock import OutOfBudgetError
from .faults import CouldNotRun, TargetError, said
from .interventions import Intervention, interventions
from .scene import Change, Scene
from .stepping import OutOfMemoryError, ran
from .symptoms import Step, Watch

__all__ = ["in_order", "tried"]

#: So many steps more must stay finite before a change that only delays a growth counts as a cure.
_LASTING = 16


def known_names(plan: Plan) -> None:
    """Raises ``TargetError`` when an intervention was asked for that does not exist."""
    names = [each.name for each in interventions()]
    for name in plan.vary or ():
        if name not in names and name != "repeat":
            near = get_close_matches(name, names, 1)
            meant = f"did you mean {near[0]}" if near else f"there are {', '.join(names)}"
            raise TargetError(f"there is no intervention {name!r}; {meant}")


def in_order(plan: Plan, scene: Scene) -> Iterator[Intervention]:
    """Those that were asked for: first what tests the causes that the probe and the log make likely, in their order."""
    likely = [*nominated(scene.first), *(suspect.cause for suspect in plan.causes)]
    ranks = {cause: rank for rank, cause in reversed(list(enumerate(likely)))}
    chosen = [
        each for each in interventions() if each.name not in plan.done and (plan.vary is None or each.name in plan.vary)
    ]
    yield from sorted(chosen, key=lambda each: min((ranks.get(cause, 99) for cause in each.causes), default=99))


def tried(intervention: Intervention, scene: Scene, tick: Callable[[object], None]) -> Trial | NotRun:
    """Restore the state, change one thing, run the steps; whatever happens is a result."""
    began = time.monotonic()
    try:
        if (why := intervention.applies(scene)) is not None:
            return NotRun(intervention.name, why)
        steps, change = _ran(intervention, scene, tick)
    except (CouldNotRun, OutOfMemoryError) as error:
        return NotRun(intervention.name, str(error))
    except LookupError as error:
        return NotRun(intervention.name, f"a batch is missing: {error}")
    except OutOfBudgetError:
        raise
    except Exception as error:  # noqa: BLE001  an intervention may be anybody's code
        return NotRun(intervention.name, f"the intervention raised {said(error)}")
    finally:
        scene.training.restore(scene.at_bad)
    seconds = round(time.monotonic() - began, 3)
    if not steps:
        return NotRun(intervention.name, "there was no batch to run it on")
    last = steps[-1]
    if last.symptom is not None and last.symptom.kind == "raised" and scene.symptom.kind != "raised":
        assert last.symptom.error is not None  # noqa: S101  for mypy: it was seen to before
        return NotRun(intervention.name, f"the changed step raised {said(last.symptom.error)}")
    span = (steps[0].step, last.step)
    losses = tuple(step.loss for step in steps[-8:])
    scene.tried[intervention.name] = last.symptom is None
    return Trial(intervention.name, last.symptom is None, _detail(change, steps), span, losses, seconds)


def _ran(intervention: Intervention, scene: Scene, tick: Callable[[object], None]) -> tuple[list[Step], Change]:
    from_window = intervention.start == "window"
    training = scene.training
    training.restore(scene.at_window if from_window else scene.at_bad)
    watch = Watch(training)
    with ExitStack() as stack:
        change = stack.enter_context(intervention.change(scene))
        if change.state is not None:
            training.restore(change.state)
        steps = change.steps or range(scene.window if from_window else scene.bad, scene.bad + 1)
        if intervention.lasting and change.steps is None:
            steps = range(steps.start, steps.stop + _LASTING)
        done = list(ran(training, watch, steps, change.batch or scene.batch, tick))
    return done, change


def _detail(change: Change, steps: list[Step]) -> str:
    last = steps[-1]
    if last.symptom is not None:
        return f"{change.says}; step {last.step}: {last.symptom}"
    if len(steps) == 1:
        return f"{change.says}; step {last.step} is finite, loss {last.loss:.4g}"
    return f"{change.says}; steps {steps[0].step} to {last.step} are finite, loss {last.loss:.4g} at the end"
