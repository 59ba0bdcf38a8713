"""Everything a step of a torch training reads, copied and put back."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

__all__ = ["RngStates", "TorchState", "restore_rng", "rng_states"]

#: Attributes of a module that torch keeps itself, or that are restored by name.
_OWN = {"training", "_parameters", "_buffers", "_modules"}


@dataclass(frozen=True, slots=True)
class RngStates:
    """The random number generators of Python, numpy and torch (``cpu`` and its devices); None where there is none."""

    python: Any = None
    numpy: Any = None
    cpu: torch.Tensor | None = None
    cuda: tuple[torch.Tensor, ...] = ()
    mps: torch.Tensor | None = None


def rng_states() -> RngStates:
    numpy = sys.modules.get("numpy")
    return RngStates(
        random.getstate(),
        None if numpy is None else numpy.random.get_state(),
        torch.get_rng_state(),
        tuple(torch.cuda.get_rng_state_all()) if torch.cuda.is_available() else (),
        torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
    )


def restore_rng(states: RngStates) -> None:
    """Put the generators back; those that ``states`` does not know stay as they are."""
    if states.python is not None:
        random.setstate(states.python)
    if states.numpy is not None:
        import numpy as np

        np.random.set_state(states.numpy)
    if states.cpu is not None:
        torch.set_rng_state(states.cpu.cpu())
    for index, state in enumerate(states.cuda[: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(state.cpu(), index)
    if states.mps is not None and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states.mps.cpu())


@dataclass(frozen=True, slots=True)
class TorchState:
    """A model, its optimizers and whatever else has a ``state_dict``, at one moment.

    Plain attributes of modules (a counter, a running value that is no buffer) belong to it: a step may read them.
    """

    tensors: Mapping[str, torch.Tensor]
    missing: frozenset[str]
    modes: Mapping[str, bool]
    attributes: Mapping[str, Mapping[str, Any]]
    optimizers: Sequence[Mapping[str, Any]]
    others: Sequence[Mapping[str, Any]]
    rng: RngStates = field(default_factory=RngStates)

    @classmethod
    def of(cls, model: torch.nn.Module, optimizers: Sequence[Any] = (), others: Sequence[Any] = ()) -> TorchState:
        """Copy the state; ``others`` are a loss scaler, schedulers and the like."""
        buffers = dict(model.named_buffers())
        tensors = {**dict(model.named_parameters()), **buffers}
        modules = dict(model.named_modules())
        return cls(
            {name: tensor.detach().clone() for name, tensor in tensors.items()},
            frozenset(_names_without_buffer(model)),
            {name: module.training for name, module in modules.items()},
            {name: plain for name, module in modules.items() if (plain := _plain(module))},
            [copy.deepcopy(optimizer.state_dict()) for optimizer in optimizers],
            [copy.deepcopy(other.state_dict()) for other in others],
            rng_states(),
        )

    def sizes(self) -> Iterator[float]:
        """The largest absolute value of each tensor that is a finite float."""
        for tensor in self.tensors.values():
            if tensor.is_floating_point() and tensor.numel() and bool(tensor.isfinite().all()):
                yield float(tensor.abs().max())

    def put_back(self, model: torch.nn.Module, optimizers: Sequence[Any] = (), others: Sequence[Any] = ()) -> None:
        """Make everything as it was, dtypes and devices included; gradients are dropped."""
        self._put_back_tensors(model)
        for name, module in model.named_modules():
            module.training = self.modes.get(name, module.training)
            for key, value in self.attributes.get(name, {}).items():
                setattr(module, key, copy.deepcopy(value))
        for parameter in model.parameters():
            parameter.grad = None
        for optimizer, saved in zip(optimizers, self.optimizers, strict=True):
            optimizer.load_state_dict(copy.deepcopy(saved))
        for other, kept in zip(others, self.others, strict=True):
            _forget_half_a_step(other)
            other.load_state_dict(copy.deepcopy(kept))
        restore_rng(self.rng)

    def _put_back_tensors(self, model: torch.nn.Module) -> None:
        present = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        with torch.no_grad():
            for name, saved in self.tensors.items():
                now = present.get(name)
                if now is None:
                    _owner(model, name)._buffers[name.rpartition(".")[2]] = saved.clone()
                elif (now.dtype, now.device, now.shape) == (saved.dtype, saved.device, saved.shape):
                    now.copy_(saved)  # in place: whoever holds a view of it keeps one
                else:
                    now.data = saved.clone()
        for name in self.missing & present.keys():
            _owner(model, name)._buffers[name.rpartition(".")[2]] = None


def _owner(model: torch.nn.Module, name: str) -> Any:
    return model.get_submodule(name.rpartition(".")[0])


def _names_without_buffer(model: torch.nn.Module) -> list[str]:
    """Buffers that are registered and hold nothing yet."""
    return [
        f"{prefix}.{name}" if prefix else name
        for prefix, module in model.named_modules()
        for name, buffer in module._buffers.items()
        if buffer is None
    ]


def _plain(module: torch.nn.Module) -> dict[str, Any]:
    return {
        name: copy.deepcopy(value)
        for name, value in vars(module).items()
        if name not in _OWN and (isinstance(value, bool | int | float) or _is_loose_tensor(value))
    }


def _is_loose_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and not isinstance(value, torch.nn.Parameter) and value.is_leaf


def _forget_half_a_step(other: Any) -> None:
    """A loss scaler that was left between unscaling and the update refuses the next step."""
    states = getattr(other, "_per_optimizer_states", None)
    if states is not None:
        states.clear()
