# mypy: ignore-errors
"""Nothing is wrong: dropout, momentum, a schedule, and a loss that jumps now and then."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {"cause": None}


def target():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv1d(2, 8, 3), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(48, 4)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    numbers = torch.Generator().manual_seed(15)
    made = [
        (
            torch.randn(8, 2, 8, generator=numbers) * (6.0 if step == 17 else 1.0),
            torch.randint(0, 4, (8,), generator=numbers),
        )
        for step in range(40)
    ]
    return {
        "model": model,
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40),
        "loss": lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),
        "batches": made,
    }
