"""Weights that are corrupt, made anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nanlog.replay.worker.absurd import limit_of, mended
from nanlog.replay.worker.scene import Change, Scene
from nanlog.replay.worker.state import TorchState

from . import Intervention

__all__ = ["INTERVENTION"]


class RestoreWeights(Intervention):
    """Only the values that are not finite or absurd are replaced, by those that the target itself starts with."""

    name = "restore_weights"
    title = "corrupt weights made anew"
    causes = ("bad_initialisation",)
    start = "window"

    def applies(self, scene: Scene) -> str | None:
        return None if scene.corrupt else "no weight of the checkpoint is non-finite or absurd"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        fresh = scene.fresh.tensors if isinstance(scene.fresh, TorchState) else {}
        model, corrupt = scene.training.model, list(scene.corrupt)
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        limit = limit_of(model)
        with torch.no_grad():
            for name in corrupt:
                tensors[name].copy_(mended(tensors[name], fresh.get(name), limit))
                if name.rpartition(".")[2] == "running_var":
                    tensors[name].clamp_(min=0.0)
        named = ", ".join(corrupt[:3]) + (f" and {len(corrupt) - 3} more" if len(corrupt) > 3 else "")
        yield Change(f"what is absurd in {named} replaced by fresh values")


INTERVENTION = RestoreWeights()
