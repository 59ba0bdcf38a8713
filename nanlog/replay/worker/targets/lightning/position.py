"""Where in its epochs a training of Lightning stands, and its loops put there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Place", "Position", "put", "stood"]


@dataclass(frozen=True, slots=True)
class Place:
    """The batches of one step: ``count`` of them from ``first`` on, in ``epoch``; both counted from 0."""

    epoch: int
    first: int
    count: int
    last_of_epoch: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Before ``step`` the training stood in ``epoch``, with ``batch`` batches of it done.

    ``length`` is how many batches an epoch has (None where nobody knows), ``accumulate`` how many make a step; what is
    left at the end of an epoch makes one, too.
    """

    step: int
    epoch: int
    batch: int
    length: int | None
    accumulate: int

    def at(self, step: int) -> Place:
        """Raises ``LookupError`` for a step before the training began."""
        if self.length is None:
            first = self.batch + (step - self.step) * self.accumulate
            if first < 0:
                raise LookupError(f"there is no batch of step {step} in epoch {self.epoch}")
            return Place(self.epoch, first, self.accumulate)
        in_epoch = -(-self.length // self.accumulate)
        steps = self.epoch * in_epoch + self.batch // self.accumulate + step - self.step
        if steps < 0:
            raise LookupError(f"there is no step {step}")
        epoch, number = divmod(steps, in_epoch)
        first = number * self.accumulate
        return Place(epoch, first, min(self.accumulate, self.length - first), number == in_epoch - 1)


def stood(checkpoint: Mapping[str, Any], length: int | None) -> tuple[int, int, int] | None:
    """Epoch, batches done in it, and batches done in all; None where the checkpoint does not say it.

    Read from the progress of the loops, which is the same for all ways to save; ``epoch`` in the file is one less when
    it was saved before the epoch had ended.
    """
    loops = checkpoint.get("loops")
    fit = loops.get("fit_loop") if isinstance(loops, Mapping) else None
    try:
        epochs = fit["epoch_progress"]["current"]["ready"]  # type: ignore[index]
        batches = fit["epoch_loop.batch_progress"]  # type: ignore[index]
        done, total = batches["current"]["processed"], batches["total"]["processed"]
        ended = bool(batches.get("is_last_batch")) or (length is not None and done >= length)
    except (KeyError, TypeError, AttributeError):
        return None
    if not all(isinstance(each, int) for each in (epochs, done, total)):
        return None
    return (epochs, 0, total) if ended or epochs == 0 else (epochs - 1, done, total)


def put(trainer: Any, place: Place, step: int, length: int | None, *, begins: bool) -> None:
    """Set the counters of the loops to what they were before this step.

    ``begins`` leaves the epoch to be counted by the Trainer's own ``on_advance_start``.
    """
    fit = trainer.fit_loop
    loop = fit.epoch_loop
    for each in (fit, loop, loop.val_loop, loop.automatic_optimization, loop.manual_optimization):
        each.on_iteration_done()
    trainer.should_stop = False
    ready = place.epoch if begins else place.epoch + 1
    for progress in (fit.epoch_progress.current, fit.epoch_progress.total):
        progress.ready = progress.started = ready
        progress.processed = progress.completed = place.epoch
    before = place.first if length is None else place.epoch * length + place.first
    for progress, done in ((loop.batch_progress.current, place.first), (loop.batch_progress.total, before)):
        progress.ready = progress.started = progress.processed = progress.completed = done
    loop.batch_progress.is_last_batch = False
    loop._batches_that_stepped = step
    if trainer.lightning_module.automatic_optimization:
        updates = loop.automatic_optimization.optim_progress.optimizer.step
        for progress in (updates.current, updates.total):
            progress.ready = progress.completed = step
