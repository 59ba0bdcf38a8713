"""relu inside recurrences: of torch's own layers, and of loops that a user wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from .lines import users_line
from .modes import PublicFunctions, operator
from .scene import Scene
from .stepping import run_one
from .symptoms import Watch

__all__ = ["bounded", "recurrent_layers", "recurrent_relus"]

_RELUS = {"relu", "leaky_relu", "elu", "gelu", "silu", "softplus"}
#: A line that is run this often in one step, and whose values grow by this factor meanwhile, is a recurrence.
_ROUNDS = 4
_GROWTH = 10.0


def recurrent_relus(scene: Scene) -> dict[str, Any]:
    """Layers by name, and lines of the user's code as ``FILE:LINE``, where relu feeds back into itself.

    The step is run once to see it; the caller restores the state.
    """
    found = recurrent_layers(scene.training.model)
    seen = _Relus()
    scene.training.restore(scene.at_bad)
    with seen:  # that the step fails is known; what is seen until then counts
        run_one(scene.training, Watch(scene.training), scene.batch(scene.bad), scene.bad)
    scene.training.restore(scene.at_bad)
    for place, sizes in seen.sizes.items():
        if len(sizes) >= _ROUNDS and sizes[-1] > _GROWTH * max(sizes[0], 1e-30):
            found[f"{place[0]}:{place[1]}"] = place
    return found


def recurrent_layers(model: torch.nn.Module) -> dict[str, Any]:
    """Those of torch and of Keras that have relu inside."""
    of_torch = {name: module for name, module in model.named_modules() if _is_relu_rnn(module)}
    return of_torch | dict(_of_keras(model))


def _is_relu_rnn(module: torch.nn.Module) -> bool:
    kinds = (torch.nn.RNN, torch.nn.RNNCell)
    return isinstance(module, kinds) and getattr(module, "nonlinearity", "") == "relu"


def _of_keras(model: Any) -> Iterator[tuple[str, Any]]:
    """Its recurrent layers, which torch does not know as parts of the model; no line of the user's is in their loop."""
    layers = getattr(model, "_flatten_layers", None)
    for layer in layers(include_self=False) if callable(layers) else ():
        if any(_has_relu(cell) for cell in _cells(layer)):
            yield layer.name, layer


def _cells(layer: Any) -> list[Any]:
    cell = getattr(layer, "cell", None)
    return list(getattr(cell, "cells", [cell]))


def _has_relu(cell: Any) -> bool:
    return getattr(getattr(cell, "activation", None), "__name__", "") in _RELUS


class _Relus(PublicFunctions):
    """The largest value of each unbounded activation, by the line that asked for it, while values are finite."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[tuple[str, int], list[float]] = {}

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = func(*args, **kwargs)
        if operator(func) in _RELUS and isinstance(result, torch.Tensor) and (place := users_line()):
            size = float(result.detach().abs().max()) if result.numel() else 0.0
            if not math.isnan(size):
                self.sizes.setdefault(place, []).append(size)
        return result


class _Tanh(PublicFunctions):
    def __init__(self, places: set[tuple[str, int]]) -> None:
        super().__init__()
        self.places = places

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if operator(func) in _RELUS and users_line() in self.places:
            return torch.tanh(args[0])
        return func(*args, **kwargs)


@contextmanager
def bounded(model: torch.nn.Module, where: dict[str, Any]) -> Iterator[None]:
    """Put tanh in the layers and on the lines that :func:`recurrent_relus` found."""
    layers = [each for each in where.values() if isinstance(each, torch.nn.Module)]
    places = {each for each in where.values() if isinstance(each, tuple)}
    with ExitStack() as stack:
        for layer in layers:
            if hasattr(layer, "nonlinearity"):
                stack.enter_context(_set(layer, "nonlinearity", "tanh"))
                if hasattr(layer, "mode"):
                    stack.enter_context(_set(layer, "mode", "RNN_TANH"))
            for cell in filter(_has_relu, _cells(layer)):
                stack.enter_context(_set(cell, "activation", torch.tanh))
        if places:
            stack.enter_context(_Tanh(places))
        yield


@contextmanager
def _set(owner: Any, name: str, value: Any) -> Iterator[None]:
    kept = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)
