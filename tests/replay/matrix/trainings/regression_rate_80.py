# mypy: ignore-errors
"""Prices of houses with a rate of 80: every step is larger than the last, until a square overflows."""

from __future__ import annotations

import torch
from torch import nn

TRUTH = {"cause": "lr_too_high", "phase": "forward", "op": "linear", "module": "2", "step": 3, "saved": 0}


def loss(model, batch):
    houses, prices = batch
    return ((model(houses).squeeze(-1) - prices) ** 2).mean()  # fault


def batches():
    torch.manual_seed(2)
    weights = torch.randn(6)
    made = []
    for _ in range(30):
        houses = torch.randn(16, 6)
        made.append((houses, houses @ weights + 0.1 * torch.randn(16)))
    return made


def target():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
    return {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=80.0),
        "loss": loss,
        "batches": batches(),
    }
