"""The batches of a target by their number, whatever the user gave: a loader, a list, a function, a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from .state import restore_rng, rng_states
from .tree import cloned, tensors

__all__ = ["Batches", "fault_of"]

#: Batches of a loader are kept for the trials, the newest up to this many bytes.
_KEPT_BYTES = 1 << 30


class Batches:
    """``at(k)`` is batch ``k`` of the training, counted over all epochs from 0; each call gives a copy of its own.

    A loader or a generator can only be read in order.  It is read with random number generators of its own, so that
    winding the training back leaves the order of the data alone.
    """

    def __init__(self, given: Any, per_step: int = 1) -> None:
        self.given = given
        self._per_step = per_step
        self._function = given if callable(given) and not hasattr(given, "__iter__") else None
        self._list = given if isinstance(given, Sequence) and not isinstance(given, str | bytes) else None
        self._numbered = given if isinstance(given, Mapping) else None
        self._rng = rng_states()
        self._iterator: Iterator[Any] | None = None
        self._next = 0
        self._kept: dict[int, Any] = {}

    @property
    def length(self) -> int | None:
        """How many steps make an epoch; None where nobody knows."""
        try:
            return -(-len(self.given) // self._per_step)
        except TypeError:
            return None

    @property
    def shuffles(self) -> bool:
        """Whether the order of the batches depends on random numbers that no checkpoint need hold."""
        sampler = getattr(self.given, "sampler", None)
        return isinstance(sampler, torch.utils.data.RandomSampler | torch.utils.data.WeightedRandomSampler)

    def at(self, number: int) -> Any:
        """Raises ``LookupError`` where there is no such batch or it can no longer be had."""
        if number < 0:
            raise LookupError(f"there is no batch {number}")
        if self._function is not None:
            return cloned(self._function(number))
        if self._list is not None:
            return cloned(self._list[number % len(self._list)])  # an empty list has been refused
        if self._numbered is not None:
            return cloned(self._of_mapping(self._numbered, number))
        return cloned(self._read_to(number))

    def _of_mapping(self, numbered: Mapping[Any, Any], number: int) -> Any:
        if number not in numbered:
            known = f"{min(numbered)} to {max(numbered)}" if numbered else "none at all"
            raise LookupError(f"the batches given do not hold batch {number}; they hold {known}")
        return numbered[number]

    def _read_to(self, number: int) -> Any:
        before = rng_states()
        restore_rng(self._rng)
        try:
            while self._next <= number:
                self._keep(self._next, self._read_one())
                self._next += 1
        finally:
            self._rng = rng_states()
            restore_rng(before)
        if number not in self._kept:
            raise LookupError(f"batch {number} was read and let go; give --steps that begin later")
        return self._kept[number]

    def _read_one(self) -> Any:
        """The next batch, from the first again at the end of an epoch."""
        for _ in range(2):
            if self._iterator is None:
                self._iterator = iter(self.given)
            for batch in self._iterator:
                return batch
            self._iterator = None
        raise LookupError(f"the batches end after {self._next}")

    def _keep(self, number: int, batch: Any) -> None:
        self._kept[number] = batch
        size = sum(t.numel() * t.element_size() for _, t in tensors(batch))
        if size * len(self._kept) > _KEPT_BYTES and len(self._kept) > 64:
            del self._kept[min(self._kept)]


def fault_of(given: Any) -> str | None:
    """Why ``given`` cannot be batches."""
    if given is None:
        return "it gives no batches; add 'batches': your DataLoader, a list, or a function of the step"
    if isinstance(given, Sequence | Mapping) and not len(given):
        return "its batches are empty"
    if not (callable(given) or hasattr(given, "__iter__") or hasattr(given, "__getitem__")):
        return f"its batches are a {type(given).__name__}: neither iterable nor a function of the step"
    return None
