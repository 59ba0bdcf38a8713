"""One training step of a Keras model on torch: its own ``train_step``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch

from nanlog.replay.worker.batches import Batches
from nanlog.replay.worker.rates import scaled_rates
from nanlog.replay.worker.recorded import Recorded
from nanlog.replay.worker.state import RngStates, restore_rng, rng_states
from nanlog.replay.worker.training import Batch
from nanlog.replay.worker.tree import moved

from .optimizer import KerasOptimizer

__all__ = ["KerasState", "KerasTraining"]


@dataclass(frozen=True, slots=True)
class KerasState:
    """Every variable of model, optimizer and metrics (the states of its seed generators are variables, too)."""

    values: Sequence[tuple[Any, torch.Tensor]]
    rng: RngStates


@dataclass
class KerasTraining:
    """A compiled model with the batches of its training; ``batches`` is None where ``recorded`` has them."""

    model: Any
    batches: Batches | None
    recorded: Recorded | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    framework: str = "keras"
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        model = self.model
        outer = model.optimizer
        inner = getattr(outer, "inner_optimizer", outer)
        self._optimizer = KerasOptimizer(inner)
        self.optimizers: Sequence[torch.optim.Optimizer] = [self._optimizer]
        self._scale = getattr(outer, "dynamic_scale", None)
        self.precision = _precision(model)
        self._skipped = False
        self._losses: list[torch.Tensor] = []
        self._compute_loss = model.compute_loss
        model.compute_loss = self._noted
        model.named_parameters = self._by_path
        model.train()

    def _noted(self, *args: Any, **kwargs: Any) -> Any:
        loss = self._compute_loss(*args, **kwargs)
        if isinstance(loss, torch.Tensor):
            self._losses.append(loss.detach())
        return loss

    def _by_path(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Any:
        """Each variable once, under the name that the user gave it."""
        return iter([(variable.path, variable.value) for variable in self.model.variables])

    def batch(self, step: int) -> Batch:
        if self.recorded is not None:
            found = self.recorded.micro_batches(step)[0]
        else:
            assert self.batches is not None  # noqa: S101  for mypy: one of them is there
            found = self.batches.at(step)
        return moved(found, self.device)

    def run_step(self, batch: Batch, step: int) -> float:
        if self.recorded is not None:
            self.recorded.set_scene(step)
        self._losses.clear()
        scale = self._scaled_by()
        logs = self.model.train_step(tuple(batch) if isinstance(batch, list) else batch)
        self._skipped = scale is not None and (self._scaled_by() or 0.0) < scale
        if self._losses:
            return float(self._losses[-1])
        return float(logs["loss"]) if isinstance(logs, Mapping) and "loss" in logs else 0.0

    def _scaled_by(self) -> float | None:
        return None if self._scale is None else float(self._scale.value)

    @property
    def _variables(self) -> list[Any]:
        model = self.model
        found = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
        return list({id(variable): variable for variable in found}.values())

    def snapshot(self) -> KerasState:
        return KerasState([(variable, variable.value.detach().clone()) for variable in self._variables], rng_states())

    def restore(self, state: KerasState) -> None:
        with torch.no_grad():
            for variable, saved in state.values:
                now = variable.value
                if (now.dtype, now.device, now.shape) == (saved.dtype, saved.device, saved.shape):
                    now.copy_(saved)
                else:
                    now.data = saved.clone()
                now.grad = None
        self._optimizer.mirror()
        restore_rng(state.rng)
        self.device = next((variable.value.device for variable in self.model.variables), self.device)

    def rates(self) -> list[float]:
        return [self._optimizer.rate]

    def with_rates(self, factor: float) -> AbstractContextManager[None]:
        return scaled_rates(factor)

    def skipped(self) -> bool:
        return self._skipped

    def to(self, device: torch.device) -> None:
        """Keras makes new tensors where its own setting says, which is not a part of any variable."""
        from keras.src.backend.common import global_state

        self.device = device
        global_state.set_global_attribute("torch_device", str(device))
        for variable in self._variables:
            variable.value.data = variable.value.data.to(device)
        self._optimizer.mirror()


def _precision(model: Any) -> str:
    """In the replay's words; that of a single layer counts where it is of 16 bit."""
    policies = [model.dtype_policy, *(layer.dtype_policy for layer in model._flatten_layers())]
    for policy in policies:
        kind = {"float16": "16", "bfloat16": "bf16", "float64": "64"}.get(str(policy.compute_dtype))
        if kind == "64":
            return "64"
        if kind is not None:
            return f"{kind}-{'true' if policy.variable_dtype == policy.compute_dtype else 'mixed'}"
    return "32"
