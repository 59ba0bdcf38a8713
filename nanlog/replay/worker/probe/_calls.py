"""Who is at work in this thread: public functions, modules, and the engine of autograd between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ._compat import without_overrides
from ._events import Call
from ._naming import name_of_function

__all__ = ["Calls", "PublicCalls"]

#: Their fast path is taken only where no function mode listens; in evaluation they are left alone, so that the numbers
#: stay the same to the last bit.
_FAST_PATHS = (torch.nn.TransformerEncoder, torch.nn.TransformerEncoderLayer, torch.nn.MultiheadAttention)


class _Thread(threading.local):
    def __init__(self) -> None:
        self.calls: list[Call | None] = []  # None: the engine runs
        self.modules: list[tuple[int, str | None, str, Any]] = []


class Calls:
    """The stacks of each thread, and hooks that keep them."""

    def __init__(self) -> None:
        self._thread = _Thread()
        self.names: dict[int, str] = {}
        self.listening = PublicCalls(self)

    def clear(self) -> None:
        self._thread = _Thread()

    def top(self) -> Call | None:
        """The innermost public function; None where there is none, or where the engine runs inside of it."""
        calls = self._thread.calls
        return calls[-1] if calls else None

    @property
    def module(self) -> tuple[str | None, str | None]:
        """Name of the innermost module of the model, and class of the innermost module at all, at work."""
        modules = self._thread.modules
        return (modules[-1][1], modules[-1][2]) if modules else (None, None)

    def new(self, op: str) -> Call:
        name, kind = self.module
        return Call(op, name, kind)

    def push(self, call: Call) -> None:
        self._thread.calls.append(call)

    def pop(self) -> None:
        if self._thread.calls:
            self._thread.calls.pop()

    @contextmanager
    def engine(self) -> Iterator[None]:
        """While backward runs; functions that run inside of it are listened to, although one called backward."""
        listened = bool(self._thread.calls) and self._thread.calls[-1] is not None
        self._thread.calls.append(None)
        try:
            if listened:
                with self.listening:
                    yield
            else:
                yield
        finally:
            self._thread.calls.pop()

    def enter_module(self, module: torch.nn.Module, args: object) -> None:
        """A global forward pre-hook."""
        silence = None
        if isinstance(module, _FAST_PATHS) and not module.training:
            silence = without_overrides()
            silence.__enter__()
        name = self.names.get(id(module), self.module[0])
        self._thread.modules.append((id(module), name or None, type(module).__name__, silence))

    def leave_module(self, module: torch.nn.Module, args: object, output: object) -> None:
        """A global forward hook, called even where the forward raised."""
        modules = self._thread.modules
        while modules:
            identity, _, _, silence = modules.pop()
            if silence is not None:
                silence.__exit__(None, None, None)
            if identity == id(module):
                break


class PublicCalls(TorchFunctionMode):  # type: ignore[misc]  # mypy does not read torch
    """Sees each public function of torch that Python code calls, the outermost of those that call one another."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls
        self.raised: Callable[[BaseException, Call, tuple[Any, ...], dict[str, Any]], None] | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        call = self._calls.new(name_of_function(func))
        self._calls.push(call)
        try:
            return func(*args, **kwargs)
        except Exception as error:
            if self.raised is not None:
                self.raised(error, call, args, kwargs)
            raise
        finally:
            self._calls.pop()
