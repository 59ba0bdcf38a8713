"""Normalisation by the running statistics instead of the batch's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from nanlog.replay.worker.norms import batch_norms, by_running_statistics
from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class EvalNorm(Intervention):
    """A batch of one or of equal values has no variance to divide by; the running one may."""

    name = "eval_norm"
    title = "normalisation in eval mode"
    causes = ("batchnorm_instability",)

    def applies(self, scene: Scene) -> str | None:
        return None if batch_norms(scene.training.model) else "no layer normalises with running statistics"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        layers = batch_norms(scene.training.model)
        with ExitStack() as stack:
            for layer in layers.values():
                stack.enter_context(by_running_statistics(layer))
            yield Change(f"{len(layers)} layer{'s' if len(layers) > 1 else ''} of normalisation in eval mode")


INTERVENTION = EvalNorm()
