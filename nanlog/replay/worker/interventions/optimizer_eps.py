"""A larger epsilon in the optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]

#: The default of torch's Adam.
EPSILON = 1e-8


class OptimizerEpsilon(Intervention):
    """Adam without an epsilon divides 0 by 0 where a gradient has always been 0."""

    name = "optimizer_eps"
    title = f"epsilon {EPSILON:g} in the optimizer"
    causes = ("division_by_zero_sparsity",)

    def applies(self, scene: Scene) -> str | None:
        groups = _groups(scene)
        if not groups:
            return "the optimizer has no epsilon"
        return (
            None if any(group["eps"] < EPSILON for group in groups) else f"its epsilon is {EPSILON:g} or more already"
        )

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        smallest = min(group["eps"] for group in _groups(scene))
        for group in _groups(scene):
            group["eps"] = max(group["eps"], EPSILON)
        yield Change(f"epsilon {EPSILON:g} instead of {smallest:g} in the optimizer")


def _groups(scene: Scene) -> list[dict[str, Any]]:
    """Adam, RMSprop and Adagrad have one; it is put back with the rest of the optimizer's state."""
    groups = (group for optimizer in scene.training.optimizers for group in optimizer.param_groups)
    return [group for group in groups if isinstance(group.get("eps"), int | float)]


INTERVENTION = OptimizerEpsilon()
