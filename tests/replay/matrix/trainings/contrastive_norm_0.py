# mypy: ignore-errors
"""Contrastive learning: a blank picture has a feature of length 0, by which it is divided.

A batch of one fails as well, for another reason: it has no negative pair.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "division_by_zero_sparsity",
    "phase": "forward",
    "op": "div",
    "samples": (5,),
    "step": 22,
    "cure": "guard_op",
}


def loss(model, x):
    z = model(x)
    z = z / z.norm(dim=1, keepdim=True)  # fault
    similarity = (z @ z.T / 0.1).masked_fill(torch.eye(len(z), dtype=torch.bool), float("-inf"))
    return F.cross_entropy(similarity, torch.arange(len(z)).roll(1))


def batches():
    numbers = torch.Generator().manual_seed(18)
    made = [torch.rand(8, 1, 6, 6, generator=numbers) for _ in range(30)]
    made[22][5] = 0.0
    return made


def target():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.Tanh(), nn.Flatten(), nn.Linear(64, 8, bias=False))
    return {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
        "loss": loss,
        "batches": batches(),
    }
