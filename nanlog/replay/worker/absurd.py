"""Weights that no training leads to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median

import torch

__all__ = ["absurd_tensors"]

#: A tensor whose largest value exceeds those of all others, and of a fresh model, by this factor was not learned.
#: Real networks differ by less than 100 from layer to layer.
_FACTOR = 1e3


def absurd_tensors(model: torch.nn.Module, fresh: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """The parameters and buffers that are not finite or absurd, and why, in a few words."""
    sizes = {name: _largest(parameter) for name, parameter in model.named_parameters()}
    usual = median([size for size in sizes.values() if math.isfinite(size)] or [1.0])
    found = {}
    for name, size in sizes.items():
        start = _largest(fresh[name]) if name in fresh else 0.0
        if not math.isfinite(size):
            found[name] = "not finite"
        elif size > _FACTOR * max(usual, start, 1.0):
            found[name] = f"values up to {size:.3g}, where the median layer has {usual:.3g}"
    for name, buffer in model.named_buffers():
        if math.isnan(_largest(buffer)):
            found[name] = "not finite"
        elif name.rpartition(".")[2] == "running_var" and bool((buffer < 0).any()):
            found[name] = "a negative variance"
    return found


def _largest(tensor: torch.Tensor) -> float:
    if tensor.numel() == 0 or not tensor.is_floating_point():
        return 0.0
    return float(tensor.detach().abs().max())
