"""The same step on another device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class OtherDevice(Intervention):
    """Finite there and not here, with the same numbers: a kernel, a driver or the hardware."""

    name = "other_device"
    title = "on another device"
    causes = ("software_bug",)

    def applies(self, scene: Scene) -> str | None:
        if _other(scene) is None:
            return "this machine has no other device"
        return None if hasattr(scene.training, "to") else f"{scene.training.framework} cannot be moved"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        here, there = scene.training.device, _other(scene)
        assert there is not None  # noqa: S101  for mypy: it was seen to before
        scene.training.to(there)
        try:
            yield Change(f"on {there} instead of {here}")
        finally:
            scene.training.to(here)


def _other(scene: Scene) -> torch.device | None:
    if scene.training.device.type != "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps") if torch.backends.mps.is_available() else None


INTERVENTION = OtherDevice()
