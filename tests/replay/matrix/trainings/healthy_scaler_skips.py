# mypy: ignore-errors
"""Half precision: the loss scaler begins too high, overflows some times and comes down, as it is meant to."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {"cause": None, "saved": 0}


def target():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 3))
    numbers = torch.Generator().manual_seed(24)
    made = [(torch.randn(8, 5, generator=numbers), torch.randint(0, 3, (8,), generator=numbers)) for _ in range(40)]
    return {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.01),
        "scaler": torch.amp.GradScaler("cpu", init_scale=2.0**22, growth_interval=5),
        "loss": lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),
        "batches": made,
        "precision": "fp16",
    }
