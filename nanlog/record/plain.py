"""Trees of plain data: what ``torch.load`` takes back with ``weights_only``, and what a bundle may therefore hold."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch

__all__ = ["plain", "plain_rng"]

_DEEPEST = 12


def plain(tree: Any, left_out: list[str], path: str = "", depth: int = 0) -> Any:
    """The same with tensors, numbers, text and containers of these alone; tensors hold no more memory than they show.

    A mapping of any kind becomes a ``dict``, a dataclass too, a named tuple a tuple, an array a tensor.  What is
    anything else becomes None, and its path goes to ``left_out``.
    """
    if isinstance(tree, torch.Tensor):
        return _tensor(tree, left_out, path)
    if tree is None or isinstance(tree, bool | int | float | str | bytes | complex):
        return _builtin(tree)
    if depth < _DEEPEST:
        if isinstance(tree, Mapping):
            items = tree.items()
            return {_key(key): plain(value, left_out, f"{path}[{key!r}]", depth + 1) for key, value in items}
        if isinstance(tree, list | tuple | set | frozenset):
            made = [plain(value, left_out, f"{path}[{place}]", depth + 1) for place, value in enumerate(tree)]
            return tuple(made) if isinstance(tree, tuple) else made
        if is_dataclass(tree) and not isinstance(tree, type):
            named = {each.name: getattr(tree, each.name) for each in fields(tree)}
            return {name: plain(value, left_out, f"{path}.{name}", depth + 1) for name, value in named.items()}
        if (array := _of_numpy(tree)) is not None:
            return array
    if isinstance(tree, torch.dtype | torch.device):
        return tree
    left_out.append(f"{path or 'the whole'} ({type(tree).__name__})")
    return None


def _builtin(value: Any) -> Any:
    """Subclasses (numpy's float64 is a float, an enum may be a str) without what makes them special."""
    kind: Any
    for kind in (bool, int, float, complex, str, bytes):
        if isinstance(value, kind):
            return value if type(value) is kind else kind(value)
    return value


def _key(key: Any) -> Any:
    return _builtin(key) if isinstance(key, int | float | str) else str(key)


def _tensor(tensor: torch.Tensor, left_out: list[str], path: str) -> Any:
    try:
        local = tensor.to_local() if hasattr(tensor, "to_local") else tensor  # one rank's part of a sharded one
        made = local.detach().as_subclass(torch.Tensor).to("cpu")
        if made.layout is torch.strided and made.untyped_storage().nbytes() > made.numel() * made.element_size():
            made = made.clone()  # a view would be saved with all that it is a view of
        return made
    except (RuntimeError, TypeError, NotImplementedError) as error:
        left_out.append(f"{path or 'the whole'} ({type(tensor).__name__}: {str(error).splitlines()[0][:80]})")
        return None


def _of_numpy(value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if isinstance(value, numpy.generic):
        return value.item()
    if isinstance(value, numpy.ndarray) and value.dtype.kind in "biufc":
        return torch.from_numpy(value.copy())
    return None


def plain_rng(states: Any) -> dict[str, Any]:
    """Of :class:`~nanlog.replay.worker.state.RngStates`; those of torch are tensors already."""
    found: dict[str, Any] = {"python": states.python, "cpu": states.cpu}
    if states.numpy is not None:
        kind, keys, *rest = states.numpy
        found["numpy"] = (str(kind), [int(key) for key in keys], *rest)
    if states.cuda:
        found["cuda"] = list(states.cuda)
    if states.mps is not None:
        found["mps"] = states.mps
    return found
