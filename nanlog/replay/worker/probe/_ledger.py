"""Which part of which memory was written by what: tensors are views of storages, and views overlap."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import torch

__all__ = ["Ledger", "Span", "span_of"]

T = TypeVar("T")
#: Entries kept for one storage; the oldest go first.
_MOST = 64


class Span(NamedTuple):
    """The elements ``start`` to ``stop`` of a storage; what lies between the strides counts as well."""

    storage: int
    start: int
    stop: int


def span_of(tensor: torch.Tensor) -> Span | None:
    """None where a tensor has no storage of its own (functional wrappers, some sparse layouts)."""
    try:
        if tensor.layout is torch.sparse_coo:
            tensor = tensor._values()
        start = tensor.storage_offset()
        last = start
        for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
            if size == 0:
                return None
            last += (size - 1) * stride
        return Span(tensor.untyped_storage()._cdata, start, last + 1)
    except (RuntimeError, NotImplementedError, AttributeError):
        return None


class Ledger(Generic[T]):
    """Remembers a value for spans of storages, until something else is written there.  No tensor is kept."""

    def __init__(self) -> None:
        self._entries: dict[int, list[tuple[int, int, T]]] = {}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def write(self, span: Span | None, value: T) -> None:
        if span is not None:
            self.forget(span)
            entries = self._entries.setdefault(span.storage, [])
            entries.append((span.start, span.stop, value))
            del entries[:-_MOST]

    def forget(self, span: Span | None) -> None:
        """What was known of the span holds no longer."""
        if span is None or span.storage not in self._entries:
            return
        kept = [each for each in self._entries[span.storage] if each[0] < span.start or each[1] > span.stop]
        if kept:
            self._entries[span.storage] = kept
        else:
            del self._entries[span.storage]

    def forget_storage(self, span: Span | None) -> None:
        if span is not None:
            self._entries.pop(span.storage, None)

    def behind(self, span: Span | None) -> list[T]:
        """What is known of any part of the span, the oldest first."""
        if span is None:
            return []
        return [
            value
            for start, stop, value in self._entries.get(span.storage, ())
            if start < span.stop and span.start < stop
        ]

    def clear(self) -> None:
        self._entries.clear()
