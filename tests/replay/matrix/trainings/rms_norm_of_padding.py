# mypy: ignore-errors
"""An RMSNorm without an epsilon meets the padding, whose embedding is 0."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "batchnorm_instability",
    "phase": "forward",
    "op": "rsqrt",
    "module": "norm",
    "samples": (0,),
    "step": 14,
    "cure": "guard_op",
}


class RMSNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True)) * self.gain  # fault


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 8, padding_idx=0)
        self.norm = RMSNorm(8)
        self.head = nn.Linear(8, 2)

    def forward(self, tokens):
        return self.head(self.norm(self.embed(tokens)).mean(1))


def target():
    torch.manual_seed(0)
    model = Words()
    numbers = torch.Generator().manual_seed(20)
    made = [
        (torch.randint(1, 30, (6, 7), generator=numbers), torch.randint(0, 2, (6,), generator=numbers))
        for _ in range(30)
    ]
    made[14][0][0, 6] = 0
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "loss": lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),
        "batches": made,
    }
