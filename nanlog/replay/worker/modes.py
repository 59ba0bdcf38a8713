"""Calling the public functions of torch in another way, wherever they are called from."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from .probe._compat import backward_entry

__all__ = ["PublicFunctions", "operator"]

_SPELLINGS = {
    "__truediv__": "div",
    "__div__": "div",
    "__rtruediv__": "div",
    "__rdiv__": "div",
    "__itruediv__": "div",
    "true_divide": "div",
    "divide": "div",
    "__pow__": "pow",
    "__rpow__": "pow",
    "__ipow__": "pow",
    "__sub__": "sub",
    "__isub__": "sub",
    "subtract": "sub",
    "arccos": "acos",
    "arcsin": "asin",
    "arctanh": "atanh",
    "linalg_norm": "norm",
    "linalg_vector_norm": "vector_norm",
    "special_xlogy": "xlogy",
    "_weight_norm": "weight_norm",
}


def operator(func: Any) -> str:
    """The public name of a function, without the spelling that Python's operators and in-place forms have."""
    name = func if isinstance(func, str) else getattr(func, "__name__", "")
    name = _SPELLINGS.get(name, name)
    return name if name.startswith("__") else name.rstrip("_")


class PublicFunctions(TorchFunctionMode):  # type: ignore[misc]
    """A context in which :meth:`call` is asked for every public function that Python code calls.

    Also for those that run inside backward: what gradient checkpointing computes anew must come to the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self._inside = 0
        self._entry = backward_entry()
        self._original: Any = None

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call ``func``, or something in its place."""
        return func(*args, **kwargs)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._inside += 1
        try:
            return self.call(func, args, kwargs or {})
        finally:
            self._inside -= 1

    def __enter__(self) -> Any:
        self._original = original = getattr(torch.autograd, self._entry)

        def run_backward(*args: Any, **kwargs: Any) -> Any:
            if not self._inside:
                return original(*args, **kwargs)
            TorchFunctionMode.__enter__(self)  # torch lets go of a mode while it is asked
            try:
                return original(*args, **kwargs)
            finally:
                TorchFunctionMode.__exit__(self, None, None, None)

        setattr(torch.autograd, self._entry, run_backward)
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        setattr(torch.autograd, self._entry, self._original)
