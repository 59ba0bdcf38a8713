"""Running a stretch of steps and saying what each came to."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import torch

from .faults import TargetError
from .symptoms import Step, Symptom, Watch
from .training import Batch, Training

__all__ = ["OutOfMemoryError", "ran", "run_one"]


_FULL = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)  # its name before torch 2.5
#: How torch says it where it has no error of its own for it.
_NO_MEMORY = ("not enough memory", "out of memory", "can't allocate memory")


class OutOfMemoryError(Exception):
    """The device or the machine could not hold the step; the trial could not run, which says nothing about the NaN."""


def ran(
    training: Training,
    watch: Watch,
    steps: range,
    batch_of: Callable[[int], Batch],
    tell: Callable[[Step], object] = lambda _step: None,
) -> Iterator[Step]:
    """Run ``steps`` and yield what each came to; the first with a symptom is the last.

    Ends early where the data does.
    """
    for step in steps:
        try:
            batch = batch_of(step)
        except LookupError:
            return
        done = run_one(training, watch, batch, step)
        tell(done)
        yield done
        if done.symptom is not None:
            return


def run_one(training: Training, watch: Watch, batch: Batch, step: int) -> Step:
    """One step; what it raises is a symptom, but for a target that is wrong and a memory that is full."""
    with watch.gradients():
        try:
            loss = training.run_step(batch, step)
        except TargetError:
            raise
        except (_FULL, MemoryError) as error:
            _free_memory()
            raise OutOfMemoryError(str(error).splitlines()[0] if str(error) else "out of memory") from None
        except Exception as error:  # noqa: BLE001
            if any(words in str(error).lower() for words in _NO_MEMORY):
                _free_memory()
                raise OutOfMemoryError(str(error).splitlines()[0]) from None
            return Step(step, rates=tuple(training.rates()), symptom=Symptom("raised", error=error))
    return watch.after(step, loss)


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
