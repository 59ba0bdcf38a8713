"""Which batch a step of Lightning used: the loaders of the Trainer, by epoch and number."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch

from nanlog.replay.worker.batches import Batches
from nanlog.replay.worker.state import restore_rng, rng_states
from nanlog.replay.worker.tree import cloned, tensors

__all__ = ["InTurn", "Indexed", "order_of"]

#: Batches are kept for the trials, the newest up to this many bytes.
_KEPT_BYTES = 1 << 30


def order_of(fit_loop: Any, length: int | None) -> Indexed | InTurn:
    """The batches of a loop whose data is set up; one DataLoader over a dataset with indices is read at any place."""
    combined = fit_loop._combined_loader
    loaders = list(combined.flattened)
    one: Any = loaders[0] if len(loaders) == 1 and combined.iterables is loaders[0] else None
    if type(one) is torch.utils.data.DataLoader and one.batch_sampler is not None and length is not None:
        fit_loop._data_fetcher.teardown()  # lets go of processes that read ahead
        return Indexed(one, length)
    return InTurn(fit_loop._data_fetcher, loaders, length)


class Indexed:
    """Reads only what is asked for: the samplers say which rows make a batch, and are asked epoch by epoch.

    What they draw comes from the random number generators as they are now, with states of their own from then on.
    """

    def __init__(self, loader: Any, length: int) -> None:
        self._loader, self._length = loader, length
        self._rng = rng_states()
        self._orders: dict[int, list[Any]] = {}
        self._next = 0
        self._kept: dict[tuple[int, int], Any] = {}

    @property
    def same_for_all(self) -> bool:
        """No epoch depends on what was drawn before it."""
        return _steady(self._loader)

    @property
    def by_global_numbers(self) -> bool:
        """The order hangs on random numbers that the training draws, too."""
        sampler = getattr(self._loader.batch_sampler, "sampler", None)
        random = isinstance(sampler, torch.utils.data.RandomSampler | torch.utils.data.WeightedRandomSampler)
        return random and getattr(sampler, "generator", None) is None

    def at(self, epoch: int, index: int) -> Any:
        """A copy.  Raises ``LookupError`` where the epoch has no such batch."""
        if (epoch, index) not in self._kept:
            before = rng_states()
            restore_rng(self._rng)
            try:
                order = self._order(epoch)
                if not 0 <= index < len(order):
                    raise LookupError(f"epoch {epoch} has {len(order)} batches, and none of number {index}")
                self._keep((epoch, index), self._read(order[index]))
            finally:
                self._rng = rng_states()
                restore_rng(before)
        return cloned(self._kept[epoch, index])

    def _order(self, epoch: int) -> list[Any]:
        if self.same_for_all and epoch not in self._orders:
            self._next = epoch
        if epoch < self._next and epoch not in self._orders:
            raise LookupError(f"the order of epoch {epoch} was drawn and let go; give --steps that begin later")
        while epoch not in self._orders:
            _set_epoch(self._loader, self._next)
            # What a loader draws when it is iterated; for the first epoch, that has been done to set up the data.
            if self._next > 0 and not self._loader.persistent_workers:
                torch.empty((), dtype=torch.int64).random_(generator=self._loader.generator)
            # Not read to its end where the Trainer does not: a sampler draws once more there.
            self._orders[self._next] = list(itertools.islice(self._loader.batch_sampler, self._length))
            self._orders.pop(self._next - 2, None)
            self._next += 1
        return self._orders[epoch]

    def _read(self, rows: Any) -> Any:
        dataset = self._loader.dataset
        many = getattr(dataset, "__getitems__", None)
        return self._loader.collate_fn(many(rows) if callable(many) else [dataset[row] for row in rows])

    def _keep(self, place: tuple[int, int], batch: Any) -> None:
        self._kept[place] = batch
        size = sum(t.numel() * t.element_size() for _, t in tensors(batch))
        if size * len(self._kept) > _KEPT_BYTES and len(self._kept) > 64:
            del self._kept[next(iter(self._kept))]


class InTurn:
    """Reads from the first batch on: streams, several loaders at once, loaders that are not torch's."""

    same_for_all = False
    by_global_numbers = False

    def __init__(self, fetcher: Any, loaders: list[Any], length: int | None) -> None:
        self._fetcher, self._loaders, self._length = fetcher, loaders, length
        self._epoch = 0
        self._batches = Batches(self)

    def __iter__(self) -> Iterator[Any]:
        for loader in self._loaders:
            _set_epoch(loader, self._epoch)
        if self._epoch > 0:  # that of the first epoch was made when the data was set up
            iter(self._fetcher)
        self._epoch += 1
        while not self._fetcher.done:
            try:
                batch, _, _ = next(self._fetcher)
            except StopIteration:
                return
            yield batch

    def at(self, epoch: int, index: int) -> Any:
        """A copy; without a known length all epochs are one."""
        return self._batches.at(index if self._length is None else epoch * self._length + index)


def _set_epoch(loader: Any, epoch: int) -> None:
    """As the Trainer does for samplers that shuffle by the number of the epoch."""
    samplers: list[Any] = [
        getattr(loader, "sampler", None),
        getattr(getattr(loader, "batch_sampler", None), "sampler", None),
    ]
    for sampler in samplers:
        if callable(getattr(sampler, "set_epoch", None)):
            sampler.set_epoch(epoch)


def _steady(loader: Any) -> bool:
    sampler = getattr(loader.batch_sampler, "sampler", None)
    plain = isinstance(sampler, torch.utils.data.SequentialSampler) and (
        type(loader.batch_sampler) is torch.utils.data.BatchSampler
    )
    return plain or callable(getattr(sampler, "set_epoch", None))
