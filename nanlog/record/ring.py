"""The last batches of a training, with what else each step read, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import torch

from nanlog.replay.worker.state import RngStates, rng_states
from nanlog.replay.worker.tree import mapped, tensors

__all__ = ["Kept", "Ring"]


@dataclass(slots=True)
class Kept:
    """One step: its micro-batches as they were given to it, and the random numbers before them.

    ``altered`` says that the step wrote into its batch and what is kept is what it left.
    """

    rng: RngStates
    batches: list[Any] = field(default_factory=list)
    groups: list[list[dict[str, Any]]] = field(default_factory=list)
    loss: float | None = None
    size: int = 0
    altered: bool = False
    versions: list[tuple[Any, int]] = field(default_factory=list)


class Ring:
    """Steps by number, the newest ``most`` of them at most, and ``memory`` bytes of tensors at most.

    A batch is kept by reference: nothing is copied.  A training that writes into its batches is found out by the
    version that torch counts for each tensor, and from then on they are copied; ``copy`` decides it beforehand.
    """

    def __init__(self, memory: int, most: int | None = None, copy: bool | None = None) -> None:
        self.memory, self.most, self.copy = memory, most, copy
        self.steps: OrderedDict[int, Kept] = OrderedDict()
        self.size = 0
        self.full = False  #: whether a step was let go for want of memory

    def begin(self, step: int) -> Kept:
        kept = self.steps[step] = Kept(rng_states())
        return kept

    def add(self, kept: Kept, batch: Any) -> None:
        """One more micro-batch of the newest step."""
        given = mapped(batch, torch.Tensor.clone if self.copy else torch.Tensor.detach)
        kept.batches.append(given)
        found = [tensor for _, tensor in tensors(given)]
        if self.copy is None:
            kept.versions.extend((tensor, tensor._version) for tensor in found if not tensor.is_inference())
        size = sum(tensor.numel() * tensor.element_size() for tensor in found)
        kept.size += size
        self.size += size
        self._let_go()

    def ended(self, kept: Kept) -> None:
        """The step is over: was its batch written into?"""
        if any(tensor._version != version for tensor, version in kept.versions):
            kept.altered = True
            self.copy = True
        kept.versions.clear()

    def forget_before(self, step: int) -> None:
        while self.steps and next(iter(self.steps)) < step:
            self._drop()

    def clear(self) -> None:
        self.steps.clear()
        self.size = 0

    def _let_go(self) -> None:
        while len(self.steps) > 1 and self.size > self.memory:
            self.full = True
            self._drop()
        while self.most is not None and len(self.steps) > max(1, self.most):
            self.full = True
            self._drop()

    def _drop(self) -> None:
        _, kept = self.steps.popitem(last=False)
        self.size -= kept.size
