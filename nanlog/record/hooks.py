"""Where torch tells what a training does: its own global hooks, and two entrances that have none.

Backward is called through one function of ``torch.autograd``, and a loss scaler through two methods: these are wrapped
while the recorder listens, and put back afterwards.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, Self

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from nanlog.replay.worker.probe._compat import backward_entry

__all__ = ["Listener", "Listening", "wrapped"]


class Listener(Protocol):
    """Who is told of the parts of a step, in the thread in which they happen."""

    def backward_begins(self, roots: list[torch.Tensor]) -> None: ...
    def backward_ended(self) -> None: ...
    def update_begins(self, optimizer: Any) -> None: ...
    def update_ended(self, optimizer: Any) -> None: ...
    def scaled(self, scaler: Any, loss: torch.Tensor) -> None: ...
    def update_skipped(self, scaler: Any, optimizer: Any) -> None: ...


class Listening:
    """A context in which the listener is told of every backward pass, update and scaled loss of the process."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._stack = ExitStack()
        self._last: Any = None

    def __enter__(self) -> Self:
        listener, stack = self.listener, self._stack
        begins = register_optimizer_step_pre_hook(lambda optimizer, args, kwargs: listener.update_begins(optimizer))
        stack.callback(begins.remove)
        self.listen_last()
        stack.callback(self._listen_no_more)
        entry = backward_entry()
        around = functools.partial(_backward, listener, entry == "backward")
        stack.enter_context(wrapped(torch.autograd, entry, around))
        scaler = torch.amp.GradScaler if hasattr(torch.amp, "GradScaler") else torch.cuda.amp.GradScaler
        stack.enter_context(wrapped(scaler, "scale", functools.partial(_scale, listener)))
        stack.enter_context(wrapped(scaler, "step", functools.partial(_scaler_step, listener)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _listen_no_more(self) -> None:
        self._last.remove()

    def listen_last(self) -> None:
        """Be told of the end of an update after everybody who listens by now."""
        if self._last is not None:
            self._last.remove()
        listener = self.listener
        self._last = register_optimizer_step_post_hook(lambda optimizer, args, kwargs: listener.update_ended(optimizer))


@contextmanager
def wrapped(owner: Any, name: str, around: Callable[..., Any]) -> Iterator[None]:
    """Calls of ``owner.name`` go through ``around(original, *args)`` until the end."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(owner, name, call)
    try:
        yield
    finally:
        if getattr(owner, name) is call:  # unless somebody wrapped it once more
            setattr(owner, name, original)


_inside = threading.local()


def _backward(
    listener: Listener, always: bool, original: Callable[..., Any], tensors: Any, *args: Any, **kwargs: Any
) -> Any:
    """Only the outermost pass that adds up gradients: not ``torch.autograd.grad``, not that of a checkpointed block."""
    if getattr(_inside, "backward", False) or not (always or kwargs.get("accumulate_grad")):
        return original(tensors, *args, **kwargs)
    roots = [tensors] if isinstance(tensors, torch.Tensor) else [t for t in tensors if isinstance(t, torch.Tensor)]
    listener.backward_begins(roots)
    _inside.backward = True
    try:
        result = original(tensors, *args, **kwargs)
    finally:
        _inside.backward = False
    listener.backward_ended()
    return result


def _scale(listener: Listener, original: Callable[..., Any], scaler: Any, outputs: Any) -> Any:
    if isinstance(outputs, torch.Tensor) and scaler.is_enabled():
        listener.scaled(scaler, outputs)
    return original(scaler, outputs)


def _scaler_step(
    listener: Listener, original: Callable[..., Any], scaler: Any, optimizer: Any, *args: Any, **kwargs: Any
) -> Any:
    stepped: list[Any] = []
    handle = register_optimizer_step_post_hook(lambda optimizer, args, kwargs: stepped.append(optimizer))
    try:
        result = original(scaler, optimizer, *args, **kwargs)
    finally:
        handle.remove()
    if not stepped and scaler.is_enabled():
        listener.update_skipped(scaler, optimizer)
    return result
