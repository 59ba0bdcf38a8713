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
    return finite[-1].parameter / max(before, 1e-12) if math.isfinite(finite[-1].parameter) else None


def _growth(steps: list[Step], size: Callable[[Step], float]) -> float | None:
    sizes = [size(step) for step in steps]
    if len(sizes) < 2 or not all(map(math.isfinite, sizes)):
        return None
    return sizes[-1] / max(sizes[0], 1e-12)
