"""Where the probe is attached to torch: modules, optimizers and the entrance of every backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from ._calls import Calls
from ._compat import backward_entry

__all__ = ["Watcher", "attached", "boundary"]


class Watcher(Protocol):
    """Who is told of the parts of a step."""

    def backward_begins(self, roots: Sequence[torch.Tensor], *, accumulates: bool) -> None: ...
    def backward_ended(self, *, accumulates: bool) -> None: ...
    def update_begins(self, optimizer: torch.optim.Optimizer) -> None: ...
    def update_ended(self, optimizer: torch.optim.Optimizer) -> None: ...


@contextmanager
def attached(calls: Calls, watcher: Watcher) -> Iterator[None]:
    """Inside, the watcher is told; afterwards torch is as it was."""
    with ExitStack() as stack:
        for handle in (
            register_module_forward_pre_hook(calls.enter_module),
            register_module_forward_hook(calls.leave_module, always_call=True),
            register_optimizer_step_pre_hook(lambda optimizer, args, kwargs: watcher.update_begins(optimizer)),
            register_optimizer_step_post_hook(lambda optimizer, args, kwargs: watcher.update_ended(optimizer)),
        ):
            stack.callback(handle.remove)
        entry = backward_entry()
        original = getattr(torch.autograd, entry)
        setattr(torch.autograd, entry, _watched(original, calls, watcher, always_accumulates=entry == "backward"))
        stack.callback(setattr, torch.autograd, entry, original)
        yield


def _watched(original: Callable[..., Any], calls: Calls, watcher: Watcher, *, always_accumulates: bool) -> Any:
    def run_backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        roots = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
        accumulates = always_accumulates or bool(kwargs.get("accumulate_grad"))
        watcher.backward_begins([root for root in roots if isinstance(root, torch.Tensor)], accumulates=accumulates)
        with calls.engine():
            result = original(tensors, *args, **kwargs)
        watcher.backward_ended(accumulates=accumulates)
        return result

    return run_backward


#: The frame from which backward is started: what lies outside of it is not where a gradient comes from.
boundary = next(each for each in _watched.__code__.co_consts if getattr(each, "co_name", None) == "run_backward")
