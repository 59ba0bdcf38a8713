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

__all__ = ["bounded", "recurrent_relus"]

_RELUS = {"relu", "leaky_relu", "elu", "gelu", "silu", "softplus"}
#: A line that is run this often in one step, and whose values grow by this factor meanwhile, is a recurrence.
_ROUNDS = 4
_GROWTH = 10.0


def recurrent_relus(scene: Scene) -> dict[str, Any]:
    """Layers by name, and lines of the user's code as ``FILE:LINE``, where relu feeds back into itself.

    The step is run once to see it; the caller restores the state.
    """
    found: dict[str, Any] = {
        name: module for name, module in scene.training.model.named_modules() if _is_relu_rnn(module)
    }
    seen = _Relus()
    scene.training.restore(scene.at_bad)
    with seen:  # that the step fails is known; what is seen until then counts
        run_one(scene.training, Watch(scene.training), scene.batch(scene.bad), scene.bad)
    scene.training.restore(scene.at_bad)
    for place, sizes in seen.sizes.items():
        if len(sizes) >= _ROUNDS and sizes[-1] > _GROWTH * max(sizes[0], 1e-30):
            found[f"{place[0]}:{place[1]}"] = place
    return found


def _is_relu_rnn(module: torch.nn.Module) -> bool:
    kinds = (torch.nn.RNN, torch.nn.RNNCell)
    return isinstance(module, kinds) and getattr(module, "nonlinearity", "") == "relu"


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
    kept = [(layer, layer.nonlinearity, getattr(layer, "mode", None)) for layer in layers]
    for layer, _, mode in kept:
        layer.nonlinearity = "tanh"
        if mode is not None:
            layer.mode = "RNN_TANH"
    try:
        with ExitStack() as stack:
            if places:
                stack.enter_context(_Tanh(places))
            yield
    finally:
        for layer, nonlinearity, mode in kept:
            layer.nonlinearity = nonlinearity
            if mode is not None:
                layer.mode = mode
