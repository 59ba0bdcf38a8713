"""What a target gives the replay: a training that can be stepped, wound back and changed in one thing.

The unit is one optimizer step: forward, loss, backward, unscale, clip, update.  Steps are counted from 0: step ``k``
leads from the state after ``k`` updates to the state after ``k + 1``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

__all__ = ["Batch", "Loaded", "State", "Training"]

Batch = Any  #: a tensor, or tuples, lists and mappings of them; dimension 0 is the batch
State = Any  #: what ``snapshot`` made; opaque to everybody else


@dataclass(slots=True)
class Loaded:
    """What restoring a checkpoint came to; ``step`` is the next step, None where nothing says it.

    ``fresh`` names what the checkpoint did not hold and therefore starts anew (``optimizer state``, ``RNG states``),
    ``nonfinite`` the entries of the file that are not finite already (parameter and optimizer state names), ``notes``
    are sentences for the user.  ``before`` is the state that the target itself makes, without the checkpoint.
    """

    step: int | None = None
    fresh: list[str] = field(default_factory=list)
    nonfinite: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    before: State | None = None


class Training(Protocol):
    """A training of any framework, seen from outside one step.

    Each framework is a module of ``targets`` whose training has these attributes.  What is the same for everything that
    runs on torch (rates, clipping, precision, dtype) is done in ``interventions`` through torch's own hooks and modes;
    only what a framework does differently is asked of it here.
    """

    framework: str  #: ``torch``, ``lightning`` or ``keras``
    model: torch.nn.Module  #: a Keras model on torch is one, too
    optimizers: Sequence[torch.optim.Optimizer]  #: empty for Keras, whose optimizer torch does not know
    device: torch.device
    precision: str  #: ``32``, ``16-mixed``, ``bf16-mixed``, ``16-true``, ``bf16-true``, ``64``

    def batch(self, step: int) -> Batch:
        """The batch of that step, safe to change.  Raises ``LookupError`` where the data holds none."""

    def run_step(self, batch: Batch, step: int) -> float:
        """Do one whole step as the framework does it and return the loss (unscaled, before the update)."""

    def snapshot(self) -> State:
        """Everything that a step reads: parameters, buffers, optimizers, scaler, scheduler, counters, RNG states."""

    def restore(self, state: State) -> None:
        """Wind back to a snapshot; it stays usable.  Dtypes and devices are restored, too."""

    def rates(self) -> list[float]:
        """The learning rate of each parameter group as the next step will use it."""

    def with_rates(self, factor: float) -> AbstractContextManager[None]:
        """Every step inside runs with its rates times ``factor``; with 0 they are 0, whatever they were."""

    def skipped(self) -> bool:
        """Whether the last step's update was dropped by a loss scaler: its gradients did no harm."""

    def to(self, device: torch.device) -> None:
        """Move model, optimizer state and all batches to come."""
