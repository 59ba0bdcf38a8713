"""The gradient of one operation kept finite, where nothing is known of the operation itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .lines import at, users_line
from .modes import PublicFunctions, operator
from .probe._compat import backward_entry

__all__ = ["finite_gradients"]


@contextmanager
def finite_gradients(op: str, file: str | None, line: int | None) -> Iterator[None]:
    """Inside, what ``op`` on that line hands back to its operands is 0 where it is not finite.

    A function of the user's own (``torch.autograd.Function``) is known by the name of its class, on every line.
    """
    entry = backward_entry()
    original = getattr(torch.autograd, entry)

    def run_backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        for node in _nodes([tensors] if isinstance(tensors, torch.Tensor) else tensors):
            if node.name() == f"{op}Backward":
                node.register_hook(lambda gradients, _: tuple(map(_finite, gradients)))
        return original(tensors, *args, **kwargs)

    setattr(torch.autograd, entry, run_backward)
    try:
        with _Tamed(op, file, line):
            yield
    finally:
        setattr(torch.autograd, entry, original)


def _nodes(roots: Any) -> Iterator[Any]:
    """The graph behind some tensors."""
    waiting = [root.grad_fn for root in roots]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting.extend(parent for parent, _ in node.next_functions)


class _Tamed(PublicFunctions):
    def __init__(self, op: str, file: str | None, line: int | None) -> None:
        super().__init__()
        self.op, self.file, self.line = operator(op), file, line

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = getattr(func, "__name__", "")
        in_place = name.endswith("_") and not name.endswith("__")
        if operator(func) == self.op and not in_place and at(users_line(), self.file, self.line):
            args = tuple(map(_tamed, args))
        return func(*args, **kwargs)


def _tamed(operand: Any) -> Any:
    if type(operand) in (list, tuple):
        return type(operand)(map(_tamed, operand))
    if not isinstance(operand, torch.Tensor) or not operand.requires_grad:
        return operand
    through = operand.view_as(operand)
    through.register_hook(_finite)
    return through


def _finite(gradient: Any) -> Any:
    return gradient if gradient is None else torch.where(torch.isfinite(gradient), gradient, 0.0)
