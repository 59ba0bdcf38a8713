"""What a training consists of, and its state at one moment as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nanlog.replay.recorded import STATE
from nanlog.replay.worker.probe._leaves import plain as plain_name
from nanlog.replay.worker.probe._leaves import unwrapped
from nanlog.replay.worker.state import rng_states

from .plain import plain, plain_rng

__all__ = ["Parts", "settings_of"]

#: Attributes of a module that torch keeps itself.
_OWN = {"training", "_parameters", "_buffers", "_modules"}


@dataclass
class Parts:
    """Model, optimizers, loss scaler and schedulers.  Other frameworks write their state in their own way."""

    model: torch.nn.Module
    optimizers: list[Any] = field(default_factory=list)
    scaler: Any = None
    schedulers: list[Any] = field(default_factory=list)
    framework: str = "torch"
    state_file: str = STATE

    @property
    def inner(self) -> torch.nn.Module:
        """Without what wraps it for several devices or for a compiler."""
        return unwrapped(self.model)

    def parameters(self) -> list[tuple[str, torch.Tensor]]:
        """All that is trained, each once; what only an optimizer knows is named by its place there."""
        found = {id(p): (plain_name(name), p) for name, p in self.inner.named_parameters() if p.requires_grad}
        for number, optimizer in enumerate(self.optimizers):
            for group, settings in enumerate(optimizer.param_groups):
                for place, p in enumerate(settings["params"]):
                    if id(p) not in found and p.requires_grad:
                        found[id(p)] = (f"optimizers[{number}].param_groups[{group}][{place}]", p)
        return [each for each in found.values() if each[1].is_floating_point() or each[1].is_complex()]

    def save(self, folder: Path, step: int, left_out: list[str]) -> None:
        """Write the state before ``step`` into an empty folder."""
        torch.save(plain(self.state(step), left_out), folder / STATE)

    def state(self, step: int) -> dict[str, Any]:
        model = self.inner
        state: dict[str, Any] = {
            "model": {key: value for key, value in model.state_dict().items() if isinstance(value, torch.Tensor)},
            "optimizer": [optimizer.state_dict() for optimizer in self.optimizers],
            "global_step": step,
            "rng_state": plain_rng(rng_states()),
            "buffers": dict(_unsaved_buffers(model)),
            "modes": {name: module.training for name, module in model.named_modules()},
            "attributes": {name: found for name, module in model.named_modules() if (found := _attributes(module))},
        }
        if self.scaler is not None:
            state["scaler"] = [self.scaler.state_dict()]
        if self.schedulers:
            state["scheduler"] = [scheduler.state_dict() for scheduler in self.schedulers]
        return state


def settings_of(optimizer: Any) -> list[dict[str, Any]]:
    """Each parameter group without its parameters: plain numbers, as they are now."""
    left_out: list[str] = []
    return [
        {
            key: plain(value, left_out)
            for key, value in group.items()
            if key != "params" and not callable(value) and not isinstance(value, str)
        }
        for group in optimizer.param_groups
    ]


def _unsaved_buffers(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for prefix, module in model.named_modules():
        for name in module._non_persistent_buffers_set:
            buffer = module._buffers.get(name)
            if buffer is not None:
                yield f"{prefix}.{name}" if prefix else name, buffer


def _attributes(module: torch.nn.Module) -> dict[str, Any]:
    """Counters and running values that are no buffers: a step may read them."""
    return {
        name: value
        for name, value in vars(module).items()
        if name not in _OWN and (isinstance(value, bool | int | float) or _is_loose_tensor(value))
    }


def _is_loose_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and not isinstance(value, torch.nn.Parameter) and value.is_leaf
