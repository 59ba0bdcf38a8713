# mypy: ignore-errors
"""A polynomial schedule that runs beyond its end: in Python a negative number to the power of 0.9 is complex."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {"cause": "bad_lr_policy", "phase": "update", "op": "add", "step": 16, "cure": None}


def target():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    numbers = torch.Generator().manual_seed(22)
    made = [(torch.randn(8, 6, generator=numbers), torch.randn(8, 1, generator=numbers)) for _ in range(40)]
    return {
        "model": model,
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 - step / 15) ** 0.9),
        "loss": lambda model, batch: F.mse_loss(model(batch[0]), batch[1]),
        "batches": made,
    }
