"""The layers of a model that normalise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["batch_norms", "by_running_statistics", "epsilon_name", "norms"]


def norms(model: torch.nn.Module) -> dict[str, Any]:
    """Every layer called a norm that has an epsilon, by name, be it of torch, of Keras or of a user."""
    return {
        name: layer
        for name, layer in _layers(model)
        if "norm" in type(layer).__name__.lower() and epsilon_name(layer) is not None
    }


def epsilon_name(layer: Any) -> str | None:
    """What the layer calls its epsilon; None where it has none."""
    return next((name for name in ("eps", "epsilon") if isinstance(getattr(layer, name, None), int | float)), None)


def batch_norms(model: torch.nn.Module) -> dict[str, Any]:
    """Those that can normalise by running statistics."""
    return {name: layer for name, layer in _layers(model) if _of_torch(layer) or hasattr(layer, "moving_variance")}


def _of_torch(layer: Any) -> bool:
    return isinstance(getattr(layer, "running_mean", None), torch.Tensor) and hasattr(layer, "running_var")


def _layers(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    yield from model.named_modules()
    inner = getattr(model, "_flatten_layers", None)
    if callable(inner):  # Keras, whose layers torch does not know as parts of the model
        yield from ((layer.name, layer) for layer in inner(include_self=False))


@contextmanager
def by_running_statistics(layer: Any) -> Iterator[None]:
    """Inside, the layer normalises as in evaluation, whatever mode the model is set to."""
    if _of_torch(layer):
        layer.eval()
        name: str = "train"
        changed: Callable[..., Any] = lambda mode=True: layer  # noqa: E731  model.train() leaves it alone
    else:
        name, call = "call", layer.call
        changed = lambda *args, **kwargs: call(*args, **{**kwargs, "training": False})  # noqa: E731
    object.__setattr__(layer, name, changed)
    try:
        yield
    finally:
        object.__delattr__(layer, name)
