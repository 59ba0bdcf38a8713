"""Weights that no training leads to."""

from __future__ import annotations

import math
from statistics import median

import torch

__all__ = ["absurd_tensors", "limit_of", "mended"]

#: A tensor whose largest value exceeds that of the median tensor by this factor was not learned: real networks differ
#: by less than 100 from layer to layer.
_FACTOR = 1e3


def absurd_tensors(model: torch.nn.Module) -> dict[str, str]:
    """The parameters and buffers that are not finite or absurd, and why, in a few words."""
    limit = limit_of(model)
    found = {}
    for name, parameter in model.named_parameters():
        size = _largest(parameter)
        if not math.isfinite(size):
            found[name] = "not finite"
        elif size > limit:
            found[name] = f"values up to {size:.3g}, where the median layer has up to {limit / _FACTOR:.3g}"
    for name, buffer in model.named_buffers():
        if math.isnan(_largest(buffer)):
            found[name] = "not finite"
        elif name.rpartition(".")[2] == "running_var" and bool((buffer < 0).any()):
            found[name] = "a negative variance"
    return found


def limit_of(model: torch.nn.Module) -> float:
    """From where on a weight of this model is absurd."""
    sizes = [_largest(parameter) for parameter in model.parameters()]
    return _FACTOR * max(1.0, median([size for size in sizes if math.isfinite(size)] or [1.0]))


def mended(tensor: torch.Tensor, fresh: torch.Tensor | None, limit: float) -> torch.Tensor:
    """The tensor with its absurd elements replaced by fresh ones; by 0 where these are absurd themselves."""
    sane = torch.zeros_like(tensor) if fresh is None else fresh.to(tensor)
    sane = torch.where(_is_absurd(sane, limit), torch.zeros_like(sane), sane)
    return torch.where(_is_absurd(tensor, limit), sane, tensor)


def _is_absurd(tensor: torch.Tensor, limit: float) -> torch.Tensor:
    return ~torch.isfinite(tensor) | (tensor.abs() > limit)


def _largest(tensor: torch.Tensor) -> float:
    if tensor.numel() == 0 or not tensor.is_floating_point():
        return 0.0
    return float(tensor.detach().abs().max())
