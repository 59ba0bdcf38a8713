"""No learning at all: whatever goes bad then was not made by the updates of these steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class NoUpdates(Intervention):
    """The parameters stay those from before the suspect steps, while all their batches are seen."""

    name = "lr=0"
    title = "learning rates 0"
    causes = ("lr_too_high", "bad_lr_policy")
    start = "window"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        with scene.training.with_rates(0.0):
            yield Change(f"learning rate 0 from step {scene.window} on")


INTERVENTION = NoUpdates()
