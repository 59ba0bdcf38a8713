"""An earlier batch on the same state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class EarlierBatch(Intervention):
    """A fault is batch times state: if another batch is fine on this state, the batch has a part in it."""

    name = "earlier_batch"
    title = "an earlier batch on the same state"
    causes = ("faulty_input",)

    def applies(self, scene: Scene) -> str | None:
        if scene.bad == 0:
            return "the first batch went bad: there is no earlier one"
        try:
            scene.batch(scene.bad - 1)
        except LookupError as error:
            return f"there is no earlier batch to be had ({error})"
        return None

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        other = scene.bad - 1
        yield Change(
            f"the batch of step {other} on the state before step {scene.bad}", batch=lambda _: scene.batch(other)
        )


INTERVENTION = EarlierBatch()
