"""One training step of a plain torch loop, as a loop of that kind does it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch

from nanlog.replay.worker.batches import Batches
from nanlog.replay.worker.faults import TargetError
from nanlog.replay.worker.rates import scaled_rates
from nanlog.replay.worker.recorded import Recorded
from nanlog.replay.worker.state import TorchState
from nanlog.replay.worker.training import Batch
from nanlog.replay.worker.tree import mapped, moved, with_floats

__all__ = ["PRECISIONS", "TorchTraining"]

PRECISIONS = {
    "32": "32",
    "fp32": "32",
    "64": "64",
    "fp16": "16-mixed",
    "16-mixed": "16-mixed",
    "bf16": "bf16-mixed",
    "bf16-mixed": "bf16-mixed",
    "16-true": "16-true",
    "bf16-true": "bf16-true",
}
_AUTOCAST = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}
_TRUE = {"16-true": torch.float16, "bf16-true": torch.bfloat16, "64": torch.float64}


@dataclass
class TorchTraining:
    """What the user's target gave, with the loop around it."""

    model: torch.nn.Module
    optimizers: Sequence[torch.optim.Optimizer]
    batches: Batches
    loss: Callable[..., Any] | None = None
    step: Callable[..., Any] | None = None
    scaler: Any = None
    schedulers: list[Any] = field(default_factory=list)
    clip_norm: float | None = None
    clip_value: float | None = None
    precision: str = "32"
    accumulate: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    framework: str = "torch"
    recorded: Recorded | None = None

    def __post_init__(self) -> None:
        if self.precision in _TRUE:
            self.model.to(_TRUE[self.precision])
        self.passes_model = self.loss is not None and _wants_model(self.loss)
        self._skipped = False

    def batch(self, step: int) -> Batch:
        """The batch of the step; with ``accumulate`` a list of as many micro-batches."""
        numbers = range(step * self.accumulate, (step + 1) * self.accumulate)
        micro = [moved(self.batches.at(number), self.device) for number in numbers]
        return micro if self.accumulate > 1 else micro[0]

    def run_step(self, batch: Batch, step: int) -> float:
        self._skipped = False
        if self.recorded is not None:
            self.recorded.set_scene(step, self.optimizers)
        if self.step is not None:
            return _number(self.step(batch))
        self._zero_gradients()
        micro = batch if self.accumulate > 1 else [batch]
        total = sum(self._backward(each, len(micro)) for each in micro)
        self._clip()
        self._update()
        for scheduler in self.schedulers:
            scheduler.step()
        return total / len(micro)

    def _backward(self, batch: Batch, parts: int) -> float:
        """Forward and backward of one micro-batch; its loss, unscaled."""
        with self._autocast():
            loss = self._loss_of(batch)
        value = float(loss.detach())
        share = loss / parts if parts > 1 else loss
        (share if self.scaler is None else self.scaler.scale(share)).backward()
        return value

    def _autocast(self) -> AbstractContextManager[Any]:
        dtype = _AUTOCAST.get(self.precision)
        return nullcontext() if dtype is None else torch.autocast(self.device.type, dtype)

    def _loss_of(self, batch: Batch) -> torch.Tensor:
        if self.precision in _TRUE:
            batch = with_floats(batch, _TRUE[self.precision])
        assert self.loss is not None  # noqa: S101  for mypy: it was seen to before
        return scalar(self.loss(self.model, batch) if self.passes_model else self.loss(batch))

    def _clip(self) -> None:
        if self.clip_norm is None and self.clip_value is None:
            return
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizers[0])
        if self.clip_value is not None:
            torch.nn.utils.clip_grad_value_(self.model.parameters(), self.clip_value)
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)

    def _update(self) -> None:
        if self.scaler is None:
            for optimizer in self.optimizers:
                optimizer.step()
            return
        before = self.scaler.get_scale()
        self.scaler.step(self.optimizers[0])
        self.scaler.update()
        self._skipped = self.scaler.get_scale() < before

    def _zero_gradients(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)

    @property
    def _others(self) -> list[Any]:
        return [other for other in (self.scaler, *self.schedulers) if other is not None]

    def snapshot(self) -> TorchState:
        return TorchState.of(self.model, self.optimizers, self._others)

    def restore(self, state: TorchState) -> None:
        state.put_back(self.model, self.optimizers, self._others)
        self.device = next((p.device for p in self.model.parameters()), self.device)

    def rates(self) -> list[float]:
        return [_rate(group["lr"]) for each in self.optimizers for group in each.param_groups if "lr" in group]

    def with_rates(self, factor: float) -> AbstractContextManager[None]:
        return scaled_rates(factor)

    def skipped(self) -> bool:
        return self._skipped

    def reproduction(self, target: str, step: int) -> str:
        """The step as a script of its own, for a bundle."""
        from .plain_script import script

        return script(self, target, step)

    def to(self, device: torch.device) -> None:
        self.device = device
        self.model.to(device)
        for optimizer in self.optimizers:
            for state in optimizer.state.values():
                for name, value in state.items():
                    if isinstance(value, torch.Tensor) and name != "step":
                        state[name] = value.to(device)


def scalar(given: Any) -> torch.Tensor:
    """The loss in what a loss function returns: a tensor, a mapping or object with ``loss``, a tuple it begins."""
    if isinstance(given, Mapping) and "loss" in given:
        given = given["loss"]
    elif isinstance(given, tuple) and given:
        given = given[0]
    elif hasattr(given, "loss"):
        given = given.loss
    if not isinstance(given, torch.Tensor) or given.numel() != 1:
        what = f"a tensor of shape {tuple(given.shape)}" if isinstance(given, torch.Tensor) else type(given).__name__
        raise TargetError(f"the loss of the target is {what}; it must be one number: take its mean()")
    return given.reshape(())


def _rate(given: Any) -> float:
    """NaN for a complex one: what a negative number to a fractional power is in Python."""
    return math.nan if isinstance(given, complex) else float(given)


def _number(given: Any) -> float:
    if isinstance(given, int | float):
        return float(given)
    if given is None:
        raise TargetError("the 'step' of the target returns nothing; it must return the loss")
    return float(scalar(mapped(given, torch.Tensor.detach)))


def _wants_model(loss: Callable[..., Any]) -> bool:
    """``loss(model, batch)`` or ``loss(batch)``."""
    try:
        parameters = inspect.signature(loss).parameters.values()
    except (TypeError, ValueError):
        return True
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [each for each in parameters if each.kind in kinds and each.default is inspect.Parameter.empty]
    starred = any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters)
    return starred or len(needed) != 1
