"""Gradients clipped to norm 1 from before the suspect steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nanlog.replay.worker.rates import before_updates
from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]

#: The norm that most recipes clip to.
MAX_NORM = 1.0


class ClippedGradients(Intervention):
    """Tames a gradient that grows; cannot mend one that is infinite or NaN (infinity times 0 is NaN)."""

    name = "clip"
    title = f"gradients clipped to norm {MAX_NORM:g}"
    causes = ("lr_too_high", "relu_rnn")
    start = "window"
    lasting = True

    def applies(self, scene: Scene) -> str | None:
        if not scene.training.optimizers:
            return f"{scene.training.framework} updates the parameters without an optimizer of torch"
        norm = getattr(scene.training, "clip_norm", None)
        return f"the training clips to norm {norm:g} already" if norm is not None and norm <= MAX_NORM else None

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        def clip(optimizer: torch.optim.Optimizer) -> None:
            parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
            torch.nn.utils.clip_grad_norm_(parameters, MAX_NORM)

        with before_updates(clip):
            yield Change(f"gradients clipped to norm {MAX_NORM:g} from step {scene.window} on")


INTERVENTION = ClippedGradients()
