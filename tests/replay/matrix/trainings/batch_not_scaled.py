# mypy: ignore-errors
"""Telescopes: one file was written in other units, and a whole batch is 1e25 times too large."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {"cause": "faulty_input", "phase": "forward", "op": "mse_loss", "step": 21, "cure": "drop_samples"}


def loss(model, batch):
    return F.mse_loss(model(batch["flux"]).squeeze(-1), batch["distance"])  # fault


def target():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 1))
    numbers = torch.Generator().manual_seed(23)
    made = [
        {"flux": torch.rand(8, 10, generator=numbers), "distance": torch.rand(8, generator=numbers)} for _ in range(30)
    ]
    made[21]["flux"] *= 1e25
    return {"model": model, "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3), "loss": loss, "batches": made}
