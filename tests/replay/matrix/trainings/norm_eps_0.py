# mypy: ignore-errors
"""Normalisation over the batch with an epsilon of 0: a channel that is dead in every sample has no variance."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "batchnorm_instability",
    "phase": "forward",
    "op": "rsqrt",
    "module": "norm",
    "step": 15,
    "cure": "eps",
}


class BatchNorm(nn.Module):
    def __init__(self, channels: int, eps: float = 0.0) -> None:
        super().__init__()
        self.eps = eps
        self.gain = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x):
        mean = x.mean((0, 2, 3), keepdim=True)
        variance = x.var((0, 2, 3), unbiased=False, keepdim=True)
        return (x - mean) * torch.rsqrt(variance + self.eps) * self.gain + self.shift  # fault


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 6, 3, bias=False)
        self.norm = BatchNorm(6)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(torch.relu(self.norm(torch.relu(self.conv(x)))).mean((2, 3)))


def batches():
    numbers = torch.Generator().manual_seed(6)
    made = [
        (torch.randn(8, 2, 6, 6, generator=numbers), torch.randint(0, 3, (8,), generator=numbers)) for _ in range(30)
    ]
    made[15][0].zero_()  # a camera with its lid on
    return made


def target():
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    return {
        "model": model,
        "optimizer": optimizer,
        "loss": lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),
        "batches": batches(),
    }
