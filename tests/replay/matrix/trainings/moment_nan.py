# mypy: ignore-errors
"""The weights of the checkpoint are sound; one second moment of Adam is not."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "bad_initialisation",
    "phase": "optimizer_state",
    "module": "rnn",
    "tensor": "rnn.weight_hh_l0",
    "step": 14,
    "saved": 14,
    "cure": "reset_optimizer",
    "line": None,
}


def spoil(checkpoint):
    checkpoint["optimizer"]["state"][1]["exp_avg_sq"][3, 2] = torch.nan


class Series(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(3, 10, batch_first=True)
        self.head = nn.Linear(10, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1]).squeeze(-1)


def target():
    torch.manual_seed(0)
    model = Series()
    numbers = torch.Generator().manual_seed(12)
    made = [(torch.randn(8, 6, 3, generator=numbers), torch.randn(8, generator=numbers)) for _ in range(30)]
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "loss": lambda model, batch: F.mse_loss(model(batch[0]), batch[1]),
        "batches": made,
        "clip_norm": 1.0,
    }
