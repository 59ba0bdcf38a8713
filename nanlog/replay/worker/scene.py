"""What an intervention is given: the training, the states before the suspect steps, and what is known by now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nanlog.replay.outcome import FirstNonfinite
from nanlog.replay.plan import Plan

from .symptoms import Step, Symptom
from .training import Batch, Loaded, State, Training

__all__ = ["Change", "EarlierState", "Scene"]


@dataclass(frozen=True, slots=True)
class EarlierState:
    """A state of the same training at an earlier step; ``says`` where it comes from."""

    step: int | None
    says: str
    state: State


@dataclass(slots=True)
class Scene:
    """The scene of the fault.

    ``window`` is the first of the suspect steps and ``bad`` the one in which the fault shows; ``at_window`` and
    ``at_bad`` are the states before them.  ``fresh`` is the state that the target itself makes, without the checkpoint.
    ``past`` are the steps that were run unchanged, ``earlier`` the states before ``at_window``, the nearest first.
    ``corrupt`` names the tensors of the checkpoint that are absurd or not finite, and why; ``strange`` says what is out
    of the ordinary in the offending ``samples``, which are those of micro-batch ``micro`` where a step has several;
    ``whole`` says that it is the batch as a whole that is out of the ordinary.
    ``tried`` says which trials were finite by now.
    """

    training: Training
    plan: Plan
    loaded: Loaded
    window: int
    bad: int
    at_window: State
    at_bad: State
    symptom: Symptom
    fresh: State | None = None
    past: tuple[Step, ...] = ()
    earlier: list[EarlierState] = field(default_factory=list)
    first: FirstNonfinite | None = None
    samples: tuple[int, ...] | None = None
    micro: int | None = None
    whole: bool = False
    corrupt: dict[str, str] = field(default_factory=dict)
    strange: tuple[str, ...] = ()
    batch_size: int | None = None
    tried: dict[str, bool] = field(default_factory=dict)

    def batch(self, step: int) -> Batch:
        """Raises ``LookupError`` where the data holds none."""
        return self.training.batch(step)


@dataclass(slots=True)
class Change:
    """What an intervention changed, ``says`` in words and numbers.

    Where it changes them: the batches, the state to start from, the steps to run.
    """

    says: str
    batch: Callable[[int], Batch] | None = None
    state: State | None = None
    steps: range | None = None
