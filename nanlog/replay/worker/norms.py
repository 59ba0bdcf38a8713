"""The layers of a model that normalise."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["batch_norms", "norms"]


def norms(model: torch.nn.Module) -> dict[str, Any]:
    """Every layer called a norm that has an epsilon, by name, be it of torch or of a user."""
    return {
        name: module
        for name, module in model.named_modules()
        if "norm" in type(module).__name__.lower() and isinstance(getattr(module, "eps", None), int | float)
    }


def batch_norms(model: torch.nn.Module) -> dict[str, Any]:
    """Those that can normalise by running statistics."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(getattr(module, "running_mean", None), torch.Tensor) and hasattr(module, "running_var")
    }
