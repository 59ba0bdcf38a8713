# mypy: ignore-errors
"""A few bits have flipped in the file: two weights of a convolution are 3e38."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "bad_initialisation",
    "phase": "forward",
    "op": "conv2d",
    "module": "0",
    "step": 12,
    "saved": 12,
    "cure": "restore_weights",
}


def spoil(checkpoint):
    checkpoint["model"]["0.weight"][1, 0, 1, :2] = 3e38


def target():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    numbers = torch.Generator().manual_seed(8)
    made = [
        (torch.rand(6, 1, 8, 8, generator=numbers), torch.randint(0, 3, (6,), generator=numbers)) for _ in range(30)
    ]
    return {
        "model": model,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "loss": lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),  # fault
        "batches": made,
    }
