"""The loss apart from the model: what the outermost modules return goes on in 64 bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from .faults import CouldNotRun
from .tree import with_floats

__all__ = ["outputs_in_float64"]


@contextmanager
def outputs_in_float64() -> Iterator[None]:
    """Inside, everything computed from what the outermost module returns is in float64.

    Raises ``CouldNotRun`` when no module returned anything.
    """
    depth = 0
    turned = False

    def enter(module: torch.nn.Module, args: Any) -> None:
        nonlocal depth
        depth += 1

    def leave(module: torch.nn.Module, args: Any, output: Any) -> Any:
        nonlocal depth, turned
        depth -= 1
        if depth > 0 or not any(True for _ in module.parameters()):
            return None
        turned = True
        return with_floats(output, torch.float64)

    hooks = register_module_forward_pre_hook(enter), register_module_forward_hook(leave, always_call=True)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    if not turned:
        raise CouldNotRun("the loss does not come from what a module returns")
