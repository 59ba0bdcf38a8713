"""The same batch on an earlier state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class EarlierCheckpoint(Intervention):
    """A fault is batch times state: if this batch is fine on an earlier state, the state has a part in it."""

    name = "earlier_checkpoint"
    title = "the same batch on an earlier state"
    causes = ("faulty_input", "bad_initialisation")

    def applies(self, scene: Scene) -> str | None:
        return None if scene.earlier else "there is no earlier state: the fault shows right after the checkpoint"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        earlier = scene.earlier[0]
        yield Change(f"the batch of step {scene.bad} on {earlier.says}", state=earlier.state)


INTERVENTION = EarlierCheckpoint()
