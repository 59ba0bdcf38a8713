"""The optimizer without its memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class ResetOptimizer(Intervention):
    """Moments that are corrupt, or far from what the gradients are now, are gone with it."""

    name = "reset_optimizer"
    title = "the optimizer's state cleared"
    causes = ("bad_initialisation",)

    def applies(self, scene: Scene) -> str | None:
        kept = any(state for optimizer in scene.training.optimizers for state in optimizer.state.values())
        return None if kept else "the optimizer keeps no state"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        for optimizer in scene.training.optimizers:
            optimizer.state.clear()
        yield Change(f"the optimizer's state cleared before step {scene.bad}")


INTERVENTION = ResetOptimizer()
