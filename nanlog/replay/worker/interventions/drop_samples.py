"""The step without the samples of the batch that bring the fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nanlog.replay.worker.samples import without
from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class DroppedSamples(Intervention):
    """With everything else the same, a batch that is fine without a few samples was bad by them."""

    name = "drop_samples"
    title = "without the offending samples"
    causes = ("faulty_input",)

    def applies(self, scene: Scene) -> str | None:
        if scene.samples is None:
            return "no sample alone brings the fault"
        return None

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        dropped = scene.samples or ()

        def batch(step: int) -> Any:
            whole = scene.batch(step)
            return without(whole, dropped) if step == scene.bad else whole

        named = ", ".join(map(str, dropped[:8])) + (" ..." if len(dropped) > 8 else "")
        yield Change(
            f"the batch of step {scene.bad} without sample{'s' if len(dropped) > 1 else ''} {named}", batch=batch
        )


INTERVENTION = DroppedSamples()
