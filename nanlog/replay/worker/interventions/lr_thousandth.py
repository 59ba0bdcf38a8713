"""A thousandth of the learning rate, where a tenth is not enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class MuchLowerRate(Intervention):
    """A rate of 80 is still one of 8 after a division by 10."""

    name = "lr/1000"
    title = "learning rates divided by 1000"
    causes = ("lr_too_high", "bad_lr_policy")
    start = "window"
    lasting = True

    def applies(self, scene: Scene) -> str | None:
        return None if scene.tried.get("lr/10") is False else "only where a tenth of the rate is not enough"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        with scene.training.with_rates(1e-3):
            yield Change(f"learning rate divided by 1000 from step {scene.window} on")


INTERVENTION = MuchLowerRate()
