# mypy: ignore-errors
"""Weather: an instrument of one station sent inf, that of another NaN, within one batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "faulty_input",
    "phase": "input",
    "tensor": "input",
    "samples": (5, 12),
    "step": 20,
    "cure": "drop_samples",
    "line": None,
}


def target():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 32), nn.LayerNorm(32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, 1))
    numbers = torch.Generator().manual_seed(14)
    made = [(torch.randn(16, 6, generator=numbers), torch.randn(16, 1, generator=numbers)) for _ in range(30)]
    made[20][0][5, 1] = torch.inf
    made[20][0][12, 4] = torch.nan
    return {
        "model": model,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "loss": lambda model, batch: F.smooth_l1_loss(model(batch[0]), batch[1]),
        "batches": made,
    }
