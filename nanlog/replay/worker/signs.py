"""What the unchanged steps and the checkpoint show by themselves."""

from __future__ import annotations

import math
from collections.abc import Callable

from nanlog.replay.signs import Signs

from .repeating import Repeats
from .scene import Scene
from .state import TorchState
from .symptoms import Step

__all__ = ["signs_of"]


def signs_of(scene: Scene, repeats: Repeats) -> Signs:
    finite = [step for step in repeats.past if math.isfinite(step.loss) and step.step < scene.bad]
    rates = repeats.past[-1].rates if repeats.past else ()
    parameters = sum(1 for _ in scene.training.model.named_parameters())
    return Signs(
        loss_growth=_growth(finite, lambda step: abs(step.loss)),
        gradient_growth=_growth(finite, lambda step: step.gradient),
        parameter_growth=_parameters_grew(scene, finite),
        update_size=_update_size(scene),
        steps_before=len(finite),
        rates=rates,
        rates_before=repeats.past[0].rates if repeats.past else (),
        precision=scene.training.precision,
        corrupt=tuple(scene.corrupt.items()),
        corrupt_share=len(scene.corrupt) / max(parameters, 1),
        strange=scene.strange,
        batch_size=scene.batch_size,
        runs=repeats.runs,
        bad_runs=repeats.bad_runs,
        module_type=None if scene.first is None else scene.first.module_type,
    )


def _parameters_grew(scene: Scene, finite: list[Step]) -> float | None:
    """Against the state before the first suspect step: one update can be enough."""
    if not isinstance(scene.at_window, TorchState) or not finite:
        return None
    before = max(scene.at_window.sizes(), default=0.0)
    return finite[-1].parameter / before if before and math.isfinite(finite[-1].parameter) else None


def _update_size(scene: Scene) -> float | None:
    """From the state before the first suspect step to that before the bad one; what was all 0 then has no size."""
    one, other, steps = scene.at_window, scene.at_bad, scene.bad - scene.window
    if not isinstance(one, TorchState) or not isinstance(other, TorchState) or steps < 1:
        return None
    moved = size = 0.0
    for name, _ in scene.training.model.named_parameters():
        before, after = one.tensors[name].double(), other.tensors[name].double()
        if before.numel() and bool(before.any()) and before.shape == after.shape:
            size += float(before.square().sum())
            moved += float((after - before).square().sum())
    found = math.sqrt(moved / size) / steps if size else math.nan
    return found if math.isfinite(found) else None


def _growth(steps: list[Step], size: Callable[[Step], float]) -> float | None:
    sizes = [size(step) for step in steps]
    if len(sizes) < 2 or not all(map(math.isfinite, sizes)):
        return None
    return sizes[-1] / max(sizes[0], 1e-12)
