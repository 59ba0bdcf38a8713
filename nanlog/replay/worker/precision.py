"""A step computed in one kind of float throughout, whatever the code asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .modes import PublicFunctions
from .scene import Scene
from .training import Batch
from .tree import with_floats

__all__ = ["in_floats", "uses_16_bit"]

_SHORT = (torch.float16, torch.bfloat16)
_CASTS = {"half", "bfloat16", "float"}
#: Functions whose operands must be of one dtype; of methods only those that multiply.
_PRODUCTS = {"matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "mv", "dot", "einsum"}


def uses_16_bit(scene: Scene) -> bool:
    """Whether anything in the step is a 16-bit float, as far as is known without running it."""
    if scene.training.precision.startswith(("16", "bf16")):
        return True
    if scene.first is not None and _names_short(scene.first.dtype, *(each.dtype for each in scene.first.operands)):
        return True
    return any(parameter.dtype in _SHORT for parameter in scene.training.model.parameters())


def _names_short(*dtypes: str | None) -> bool:
    return any(dtype is not None and dtype.removeprefix("torch.") in ("float16", "bfloat16") for dtype in dtypes)


@contextmanager
def in_floats(scene: Scene, dtype: torch.dtype) -> Iterator[Callable[[int], Batch]]:
    """Model, optimizer state and batches in ``dtype``, no autocast, every cast to a shorter float led there, too.

    Yields the function that gives the batches.  The caller restores the state afterwards, dtypes included.
    """
    training, default = scene.training, torch.get_default_dtype()
    with torch.no_grad():
        training.model.to(dtype)
        for optimizer in training.optimizers:
            for state in optimizer.state.values():
                for name, value in state.items():
                    if isinstance(value, torch.Tensor) and name != "step" and value.is_floating_point():
                        state[name] = value.to(dtype)
    if dtype == torch.float64:
        torch.set_default_dtype(dtype)
    try:
        with _without_autocast(), _Floats(dtype):
            yield lambda step: with_floats(scene.batch(step), dtype)
    finally:
        torch.set_default_dtype(default)


class _Floats(PublicFunctions):
    """Replaces shorter floats by ``dtype`` where the code names them, and in the operands of functions."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.shorter = {*_SHORT, torch.float32} - {dtype}

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = getattr(func, "__name__", "")
        if name in _CASTS and len(args) == 1 and isinstance(args[0], torch.Tensor):
            return args[0].to(self.dtype)
        args = tuple(self._led(arg) for arg in args)
        kwargs = {key: self._led(value) for key, value in kwargs.items()}
        if _wants_one_dtype(func, name):
            args = tuple(self._longer(arg) for arg in args)
            kwargs = {key: self._longer(value) for key, value in kwargs.items()}
        return func(*args, **kwargs)

    def _led(self, value: Any) -> Any:
        return self.dtype if isinstance(value, torch.dtype) and value in self.shorter else value

    def _longer(self, value: Any) -> Any:
        short = isinstance(value, torch.Tensor) and value.dtype in self.shorter
        return value.to(self.dtype) if short else value


def _wants_one_dtype(func: Any, name: str) -> bool:
    if name in _PRODUCTS:
        return True
    module = getattr(func, "__module__", None) or ""
    return module.startswith(("torch.nn", "torch._C._nn")) and not name.endswith("_")


@contextmanager
def _without_autocast() -> Iterator[None]:
    """Every ``torch.autocast`` that is entered meanwhile does nothing."""
    autocast = torch.amp.autocast_mode.autocast
    enter = autocast.__enter__

    def disabled(self: Any) -> Any:
        self._enabled = False
        return enter(self)

    autocast.__enter__ = disabled
    try:
        yield
    finally:
        autocast.__enter__ = enter
