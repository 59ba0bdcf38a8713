"""The step in 32 bit where the training uses 16."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nanlog.replay.worker.precision import in_floats, uses_16_bit
from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class Float32(Intervention):
    """Beyond 65504 float16 has nothing but infinity; what float32 holds was an overflow."""

    name = "float32"
    title = "float32 instead of 16 bit"
    causes = ("fp16_overflow",)

    def applies(self, scene: Scene) -> str | None:
        return None if uses_16_bit(scene) else "nothing is computed in 16 bit"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        with in_floats(scene, torch.float32) as batch:
            yield Change("the model, the batch and all casts in float32, autocast off", batch=batch)


INTERVENTION = Float32()
