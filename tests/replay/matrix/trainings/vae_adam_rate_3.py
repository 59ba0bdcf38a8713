# mypy: ignore-errors
"""An autoencoder with a rate of 3 under Adam: one update, and the variance overflows."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {"cause": "lr_too_high", "phase": "forward", "op": "exp", "step": 1, "saved": 0, "cure": "lr/10"}


class Autoencoder(nn.Module):
    def __init__(self, width: int = 12, latent: int = 4) -> None:
        super().__init__()
        self.encode = nn.Linear(width, 24)
        self.mean = nn.Linear(24, latent)
        self.log_variance = nn.Linear(24, latent)
        self.decode = nn.Sequential(nn.Linear(latent, 24), nn.ReLU(), nn.Linear(24, width))

    def forward(self, x):
        hidden = F.relu(self.encode(x))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        deviation = torch.exp(0.5 * log_variance)  # fault
        return self.decode(mean + deviation * torch.randn_like(deviation)), mean, log_variance


def loss(model, x):
    again, mean, log_variance = model(x)
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return F.mse_loss(again, x, reduction="sum") + divergence


def target():
    torch.manual_seed(0)
    model = Autoencoder()
    numbers = torch.Generator().manual_seed(1)
    made = [torch.randn(8, 12, generator=numbers) for _ in range(40)]
    return {"model": model, "optimizer": torch.optim.Adam(model.parameters(), lr=3.0), "loss": loss, "batches": made}
