"""The step in 64 bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nanlog.replay.worker.precision import in_floats
from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class Float64(Intervention):
    """A log of 0 stays one, a true overflow only comes later; a loss of digits is gone."""

    name = "float64"
    title = "everything in float64"
    causes = ("fp16_overflow", "faulty_loss")

    def applies(self, scene: Scene) -> str | None:
        if scene.training.device.type == "mps":
            return "this device has no float64"
        return "the training is in float64 already" if scene.training.precision == "64" else None

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        with in_floats(scene, torch.float64) as batch:
            yield Change("the model, the batch and all casts in float64, autocast off", batch=batch)


INTERVENTION = Float64()
