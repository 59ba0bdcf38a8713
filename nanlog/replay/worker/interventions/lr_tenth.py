"""A tenth of the learning rate from before the suspect steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class LowerRate(Intervention):
    """Too large a step is cured by it, and by nothing that leaves the rate alone."""

    name = "lr/10"
    title = "learning rates divided by 10"
    causes = ("lr_too_high", "bad_lr_policy", "relu_rnn")
    start = "window"
    lasting = True

    def applies(self, scene: Scene) -> str | None:
        rates = scene.training.rates()
        return "the learning rate is 0 already" if rates and not any(rates) else None

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        before = ", ".join(f"{rate:.3g}" for rate in sorted(set(scene.training.rates()), reverse=True)[:3])
        with scene.training.with_rates(0.1):
            yield Change(f"learning rate {before} divided by 10 from step {scene.window} on")


INTERVENTION = LowerRate()
