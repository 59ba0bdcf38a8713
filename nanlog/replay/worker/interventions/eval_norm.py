"""Normalisation by the running statistics instead of the batch's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nanlog.replay.worker.norms import batch_norms
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
        kept = {layer: layer.__dict__.get("train") for layer in layers.values()}
        for layer in layers.values():
            layer.eval()
            object.__setattr__(layer, "train", lambda mode=True, layer=layer: layer)  # model.train() leaves it alone
        try:
            yield Change(f"{len(layers)} layer{'s' if len(layers) > 1 else ''} of normalisation in eval mode")
        finally:
            for layer in kept:
                object.__delattr__(layer, "train")


INTERVENTION = EvalNorm()
