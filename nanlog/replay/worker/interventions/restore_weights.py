"""Weights that are corrupt, made anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nanlog.replay.worker.scene import Change, Scene
from nanlog.replay.worker.state import TorchState

from . import Intervention

__all__ = ["INTERVENTION"]


class RestoreWeights(Intervention):
    """Only the tensors that are not finite or absurd are replaced, by what the target itself starts with."""

    name = "restore_weights"
    title = "corrupt weights made anew"
    causes = ("bad_initialisation",)
    start = "window"

    def applies(self, scene: Scene) -> str | None:
        if not scene.corrupt:
            return "no weight of the checkpoint is non-finite or absurd"
        return None if isinstance(scene.fresh, TorchState) else "there is no other state to take weights from"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        fresh, corrupt = scene.fresh, list(scene.corrupt)
        assert isinstance(fresh, TorchState)  # noqa: S101  for mypy: it was seen to before
        model = scene.training.model
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        with torch.no_grad():
            for name in corrupt:
                tensors[name].copy_(fresh.tensors[name])
        named = ", ".join(corrupt[:3]) + (f" and {len(corrupt) - 3} more" if len(corrupt) > 3 else "")
        yield Change(f"{named} replaced by what the target starts with")


INTERVENTION = RestoreWeights()
