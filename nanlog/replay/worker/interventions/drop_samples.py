"""The step without the samples of the batch that bring the fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nanlog.replay.worker.samples import size_of, without
from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class DroppedSamples(Intervention):
    """With everything else the same, a batch that is fine without a few samples was bad by them."""

    name = "drop_samples"
    title = "without the offending samples"
    causes = ("faulty_input",)

    def applies(self, scene: Scene) -> str | None:
        if scene.samples is None and not scene.whole:
            return "no sample alone brings the fault"
        return None

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        if scene.samples is None:
            other = scene.bad + 1
            says = f"the batch of step {scene.bad} left out as a whole, that of step {other} in its place"
            yield Change(says, batch=lambda step: scene.batch(other if step == scene.bad else step))
            return
        dropped = scene.samples

        def batch(step: int) -> Any:
            whole = scene.batch(step)
            if step != scene.bad:
                return whole
            if scene.micro is None:
                return without(whole, dropped)
            left = [part if index != scene.micro else without(part, dropped) for index, part in enumerate(whole)]
            return [part for part in left if size_of(part)]

        named = ", ".join(map(str, dropped[:8])) + (" ..." if len(dropped) > 8 else "")
        of = "" if scene.micro is None else f" of micro-batch {scene.micro}"
        samples = "samples" if len(dropped) > 1 else "sample"
        yield Change(f"the batch of step {scene.bad} without {samples} {named}{of}", batch=batch)


INTERVENTION = DroppedSamples()
