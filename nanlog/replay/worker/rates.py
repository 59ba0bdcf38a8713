"""Learning rates changed for the moment of the update only, whatever schedule sets them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

__all__ = ["before_updates", "scaled_rates"]


@contextmanager
def scaled_rates(factor: float) -> Iterator[None]:
    """Every optimizer of torch steps with its rates times ``factor``; a schedule sees the rates it set itself."""
    kept: dict[int, list[Any]] = {}

    def lower(optimizer: Any, args: Any, kwargs: Any) -> None:
        kept[id(optimizer)] = [group.get("lr") for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            if "lr" in group:
                group["lr"] = group["lr"] * factor if factor else 0.0

    def put_back(optimizer: Any, args: Any, kwargs: Any) -> None:
        for group, rate in zip(optimizer.param_groups, kept.pop(id(optimizer), ()), strict=False):
            if rate is not None:
                group["lr"] = rate

    hooks = register_optimizer_step_pre_hook(lower), register_optimizer_step_post_hook(put_back)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def before_updates(act: Any) -> Iterator[None]:
    """Call ``act(optimizer)`` right before each update: gradients are complete and unscaled."""
    hook = register_optimizer_step_pre_hook(lambda optimizer, args, kwargs: act(optimizer))
    try:
        yield
    finally:
        hook.remove()
