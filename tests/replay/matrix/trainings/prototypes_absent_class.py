# mypy: ignore-errors
"""A prototype per class is the mean of its samples; a batch without a class divides by a count of 0."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {"cause": "division_by_zero_sparsity", "phase": "forward", "op": "div", "step": 21, "cure": "guard_op"}


def loss(model, batch):
    x, y = batch
    features = model(x)
    members = F.one_hot(y, 4).to(features.dtype)
    prototypes = members.T @ features / members.sum(0)[:, None]  # fault
    return F.cross_entropy(-torch.cdist(features, prototypes).pow(2), y)


def batches(_step):
    numbers = torch.Generator().manual_seed(_step)
    y = torch.arange(12) % (3 if _step == 21 else 4)
    return torch.randn(12, 10, generator=numbers) + y[:, None], y


def target():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 6))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    return {"model": model, "optimizer": optimizer, "loss": loss, "batches": batches}
