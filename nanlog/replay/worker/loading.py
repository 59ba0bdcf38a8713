"""The target and the checkpoint, opened."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

import torch

from nanlog.replay.plan import Plan
from nanlog.replay.protocol import Send

from .absurd import absurd_tensors
from .faults import TargetError
from .naming import called, named_object
from .symptoms import Watch
from .targets import open_training
from .targets.keras.backend import choose_torch
from .training import Loaded, State, Training

__all__ = ["Opened", "opened"]


@dataclass(slots=True)
class Opened:
    """A training that stands before step ``start``; ``state`` is that state."""

    training: Training
    loaded: Loaded
    start: int
    state: State
    watch: Watch
    corrupt: dict[str, str]
    departure: int | None = None


def opened(plan: Plan, send: Send) -> Opened:
    """Make the target, restore the checkpoint, tell what they are.

    Raises ``TargetError`` or ``UnreadableError`` with a sentence.
    """
    send("stage", says="loading the target and the checkpoint")
    with_determinism()
    choose_torch(plan)
    made = None if plan.target is None else called(plan.target, named_object(plan.target))
    training, loaded = open_training(made, plan)
    start = _start(loaded, plan)
    corrupt = absurd_tensors(training.model)
    _tell(training, loaded, start, corrupt, send)
    return Opened(training, loaded, start, training.snapshot(), Watch(training), corrupt, plan.departure)


def with_determinism() -> None:
    """The same numbers in each repeat where torch can; what it cannot is seen by repeating.

    Uninitialised memory is left as it is: filled with NaN, as torch would do, it would be a fault of the replay's own.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False


def _start(loaded: Loaded, plan: Plan) -> int:
    if loaded.step is None:
        if plan.first is not None:
            loaded.notes.append(
                f"nothing says the step of the checkpoint; it is taken as the state before step {plan.first}"
            )
        return plan.first or 0
    if plan.asked and plan.last is not None and loaded.step > plan.last:
        raise TargetError(
            f"the checkpoint {plan.checkpoint} stands before step {loaded.step}, after the steps asked for"
            f" ({plan.first} to {plan.last}); name an earlier checkpoint, or later --steps"
        )
    if plan.last is not None and loaded.step > plan.last:
        loaded.notes.append(
            f"the checkpoint stands before step {loaded.step}, after the onset that the log shows (step {plan.last});"
            " what went wrong may be in it already: an earlier one tells more"
        )
    return loaded.step


def _tell(training: Training, loaded: Loaded, start: int, corrupt: dict[str, str], send: Send) -> None:
    facts: dict[str, Any] = {
        "framework": training.framework,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "checkpoint_step": loaded.step,
        "precision": training.precision,
        "parameters": sum(p.numel() for p in training.model.parameters()),
    }
    send("loaded", device=str(training.device), facts=facts, start=start)
    if loaded.fresh:
        send("note", says=f"not in the checkpoint, and therefore fresh: {', '.join(loaded.fresh)}")
    for note in loaded.notes:
        send("note", says=note)
    for name, why in list((loaded.nonfinite or corrupt).items())[:5]:
        send("note", says=f"in the checkpoint, {name}: {why}")
