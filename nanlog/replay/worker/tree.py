"""A batch is a tree: tensors in tuples, lists, mappings and the containers that data libraries make of these."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch

__all__ = ["cloned", "mapped", "moved", "tensors", "with_floats"]


def mapped(tree: Any, change: Callable[[torch.Tensor], Any]) -> Any:
    """The same tree with every tensor changed; what is neither a container nor a tensor stays."""
    if isinstance(tree, torch.Tensor):
        return change(tree)
    if isinstance(tree, Mapping):
        return _like(tree, {key: mapped(value, change) for key, value in tree.items()})
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(mapped(value, change) for value in tree))
    if isinstance(tree, list | tuple):
        return type(tree)(mapped(value, change) for value in tree)
    if is_dataclass(tree) and not isinstance(tree, type):
        made = copy.copy(tree)
        for each in fields(tree):
            object.__setattr__(made, each.name, mapped(getattr(tree, each.name), change))
        return made
    return tree


def _like(tree: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """A mapping of the same kind: a ``BatchEncoding`` or an ``OrderedDict`` has attributes that a dict has not."""
    if type(tree) is dict:
        return items
    made: Any = copy.copy(tree)
    for key, value in items.items():
        made[key] = value
    return made


def tensors(tree: Any, path: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Each tensor with its path: ``[0]``, ``['image']``, ``['boxes'][1]``; ``""`` for a batch that is one tensor."""
    if isinstance(tree, torch.Tensor):
        yield path, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from tensors(value, f"{path}[{key!r}]")
    elif isinstance(tree, list | tuple):
        for index, value in enumerate(tree):
            yield from tensors(value, f"{path}[{index}]")
    elif is_dataclass(tree) and not isinstance(tree, type):
        for each in fields(tree):
            yield from tensors(getattr(tree, each.name), f"{path}.{each.name}")


def cloned(tree: Any) -> Any:
    return mapped(tree, lambda tensor: tensor.detach().clone().requires_grad_(tensor.requires_grad))


def moved(tree: Any, device: torch.device) -> Any:
    return mapped(tree, lambda tensor: tensor.to(device))


def with_floats(tree: Any, dtype: torch.dtype) -> Any:
    """Every floating tensor in ``dtype``; labels and masks stay what they are."""
    return mapped(tree, lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)
