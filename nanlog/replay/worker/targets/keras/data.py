"""The batches of ``fit``, as Keras itself cuts them out of what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

__all__ = ["Epochs"]

_FIT = ("batch_size", "steps_per_epoch", "shuffle", "class_weight", "sample_weight")


class Epochs:
    """An iterable of the batches of one epoch after the other, each as ``train_step`` is given it."""

    def __init__(self, parts: Mapping[str, Any]) -> None:
        from keras.src.backend.torch.trainer import TorchEpochIterator

        options = {name: parts[name] for name in _FIT if parts.get(name) is not None}
        self._given = parts.get("x")
        self._epochs = TorchEpochIterator(x=self._given, y=parts.get("y"), **options)
        self._epochs.reset()  # as fit does: a PyDataset is told of the end of an epoch
        self._shuffles = bool(options.get("shuffle", True)) and _is_shuffled(self._given)

    @property
    def shuffles(self) -> bool:
        """Whether the order hangs on random numbers that no file holds."""
        sampler = getattr(self._given, "sampler", None)
        by_itself = isinstance(sampler, torch.utils.data.RandomSampler) and sampler.generator is None
        return self._shuffles or by_itself

    def __iter__(self) -> Iterator[Any]:
        for _, _, data in self._epochs:
            yield data[0]

    def __len__(self) -> int:
        """Raises ``TypeError`` where nobody knows."""
        if (number := self._epochs.num_batches) is None:
            raise TypeError("the data has no length")
        return int(number)


def _is_shuffled(given: Any) -> bool:
    """What Keras shuffles itself, unless it is told not to: arrays, structures of them, and a ``PyDataset``."""
    if isinstance(given, Mapping):
        return any(_is_shuffled(each) for each in given.values())
    if isinstance(given, list | tuple):
        return any(_is_shuffled(each) for each in given)
    dataset = any(base.__name__ == "PyDataset" for base in type(given).__mro__)
    return dataset or hasattr(given, "shape") or hasattr(given, "iloc")
