"""The numbers of a step that say whether it was finite: norms on the device, read without holding it up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

__all__ = ["Measured", "Norms", "Numbers", "norms_of"]


@dataclass(frozen=True, slots=True)
class Norms:
    """L2 norms of tensors, by name, on their devices: a vector for each device."""

    names: tuple[tuple[str, ...], ...] = ()
    vectors: tuple[torch.Tensor, ...] = ()

    def divided(self, scale: Any) -> Norms:
        """Gradients without the factor of a loss scaler, which is a tensor on the device."""
        return Norms(self.names, tuple(vector / scale.to(vector.device) for vector in self.vectors))


def norms_of(named: Sequence[tuple[str, torch.Tensor]]) -> Norms:
    """One fused computation per device, in float32 at least: the norm of a half would overflow sooner than it."""
    by_device: dict[torch.device, list[tuple[str, torch.Tensor]]] = {}
    for name, tensor in named:
        by_device.setdefault(tensor.device, []).append((name, _values(tensor)))
    names, vectors = [], []
    with torch.no_grad():
        for each in by_device.values():
            names.append(tuple(name for name, _ in each))
            vectors.append(_stacked([tensor for _, tensor in each]))
    return Norms(tuple(names), tuple(vectors))


def _values(tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.detach()
    if hasattr(tensor, "to_local"):
        tensor = tensor.to_local()  # one rank's part of a sharded tensor
    return tensor if tensor.layout is torch.strided else tensor.coalesce().values()


def _stacked(tensors: list[torch.Tensor]) -> torch.Tensor:
    if any(tensor.element_size() < 4 for tensor in tensors):
        found = [torch.linalg.vector_norm(tensor, dtype=torch.float32) for tensor in tensors]
    else:
        found = list(torch._foreach_norm(tensors))
    return torch.stack([norm.to(torch.float32) if norm.dtype is not torch.float32 else norm for norm in found])


@dataclass(slots=True)
class Measured:
    """What one step came to; a list of ``losses`` for what backward was called on, in order."""

    step: int
    losses: list[float] = field(default_factory=list)
    gradients: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    scale: float | None = None
    rates: list[float] = field(default_factory=list)
    updated: bool = False
    skipped: bool = False

    @property
    def loss(self) -> float | None:
        """With accumulation the sum over the micro-batches, each of which a loop divides by their number."""
        return sum(self.losses) if self.losses else None

    @property
    def bad_gradients(self) -> list[str]:
        return [name for name, norm in self.gradients.items() if not math.isfinite(norm)]

    @property
    def bad_parameters(self) -> list[str]:
        return [name for name, norm in self.parameters.items() if not math.isfinite(norm)]


class _Copied:
    """A vector on its way to the host."""

    def __init__(self, vector: torch.Tensor) -> None:
        self._event: Any = None
        if vector.is_cuda:
            self._vector = torch.empty(vector.shape, dtype=vector.dtype, pin_memory=True)
            self._vector.copy_(vector, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()
        else:
            self._vector = vector

    def values(self) -> list[float]:
        if self._event is not None:
            self._event.synchronize()
        return [float(value) for value in self._vector.tolist()]


class Numbers:
    """The numbers of one step, asked for at its end and read at once on the CPU, a step later on a device."""

    def __init__(
        self, measured: Measured, losses: Sequence[torch.Tensor], gradients: Norms, parameters: Norms, scale: Any
    ) -> None:
        self.measured = measured
        self._gradients, self._parameters = gradients, parameters
        self._losses = [_Copied(loss.detach().to(torch.float32).reshape(1)) for loss in losses]
        self._scale = None if scale is None else _Copied(scale.detach().reshape(1))
        self._copies = [[_Copied(vector) for vector in norms.vectors] for norms in (gradients, parameters)]
        self.on_cpu = all(tensor.device.type == "cpu" for tensor in (*losses, *gradients.vectors, *parameters.vectors))

    def read(self) -> Measured:
        measured = self.measured
        measured.losses = [value for copied in self._losses for value in copied.values()]
        measured.gradients = dict(_named(self._gradients, self._copies[0]))
        measured.parameters = dict(_named(self._parameters, self._copies[1]))
        measured.scale = None if self._scale is None else self._scale.values()[0]
        return measured


def _named(norms: Norms, copies: list[_Copied]) -> Iterator[tuple[str, float]]:
    for names, copied in zip(norms.names, copies, strict=True):
        yield from zip(names, copied.values(), strict=True)
