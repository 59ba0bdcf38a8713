"""What the probe uses of torch that torch does not promise to keep, each with what is lost without it.

torch 2.2 has all but two: ``_engine_run_backward`` came with 2.3 (before, ``torch.autograd.backward`` is watched and a
call of ``torch.autograd.grad`` is seen without its roots), ``torch.compiler.set_stance`` with 2.6 (before, compiled
code runs as it was compiled, and what happens inside one generated kernel is seen only at its end).
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

__all__ = ["backward_entry", "current_node", "eagerly", "inside_transform", "sequence_number", "without_overrides"]


def _nothing() -> None:
    return None


#: The node of the autograd graph whose backward runs in this thread.  Without it gradients have no forward line.
current_node: Callable[[], Any] = getattr(torch._C, "_current_autograd_node", _nothing)

#: The number that the next node made in this thread will bear.  Without it likewise.
sequence_number: Callable[[], int] = getattr(torch.autograd, "_get_sequence_nr", lambda: -1)

#: Inside, no function mode and no subclass is asked.
without_overrides: Callable[[], AbstractContextManager[Any]] = torch._C.DisableTorchFunction


def inside_transform() -> bool:
    """Whether ``torch.func`` is at work: its tensors have no values of their own."""
    level: Callable[[], int | None] = getattr(torch._C._functorch, "maybe_current_level", _nothing)
    return level() is not None


def backward_entry() -> str:
    """The attribute of ``torch.autograd`` through which every backward pass goes."""
    return "_engine_run_backward" if hasattr(torch.autograd, "_engine_run_backward") else "backward"


def eagerly() -> AbstractContextManager[Any]:
    """Inside, compiled functions run as they were written; for nothing where no compiler was ever imported."""
    set_stance = getattr(torch.compiler, "set_stance", None)
    if "torch._dynamo" not in sys.modules or set_stance is None:
        return nullcontext()
    # They fire once more for the wrapper that is not run: its name is that of the model.
    warnings.filterwarnings("ignore", message=r"Using `torch\.compile\(module\)` when there are global hooks")
    stance: AbstractContextManager[Any] = set_stance("force_eager")
    return stance
