"""A larger epsilon under the root of every normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nanlog.replay.worker.norms import epsilon_name, norms
from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]

#: What Keras and TensorFlow use by default; torch's own is 1e-5.
EPSILON = 1e-3


class NormEpsilon(Intervention):
    """With it no variance is too small to be divided by."""

    name = "eps"
    title = f"epsilon {EPSILON:g} in normalisation"
    causes = ("batchnorm_instability",)

    def applies(self, scene: Scene) -> str | None:
        layers = norms(scene.training.model)
        if not layers:
            return "no layer normalises"
        return (
            None if any(_small(layer) for layer in layers.values()) else f"every epsilon is {EPSILON:g} or more already"
        )

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        layers = {name: layer for name, layer in norms(scene.training.model).items() if _small(layer)}
        kept = {layer: _epsilon(layer) for layer in layers.values()}
        smallest = min(eps or 0.0 for eps in kept.values())
        for layer in kept:
            setattr(layer, epsilon_name(layer) or "eps", EPSILON)
        try:
            layers_of = "layer" if len(kept) == 1 else "layers"
            yield Change(f"epsilon {EPSILON:g} instead of {smallest:g} in {len(kept)} {layers_of} of normalisation")
        finally:
            for layer, eps in kept.items():
                setattr(layer, epsilon_name(layer) or "eps", eps)


def _small(layer: object) -> bool:
    return (_epsilon(layer) or 0.0) < EPSILON


def _epsilon(layer: object) -> float | None:
    return getattr(layer, epsilon_name(layer) or "eps", None)


INTERVENTION = NormEpsilon()
