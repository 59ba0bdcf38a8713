# mypy: ignore-errors
"""Topics of documents: the entropy of a histogram in which a word is absent is 0 times the log of 0."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {"cause": "faulty_loss", "phase": "forward", "op": "log", "samples": (11,), "step": 23, "cure": "guard_op"}


class Topics(nn.Module):
    def __init__(self, words: int = 30, topics: int = 5) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(words, 32), nn.Softplus(), nn.Linear(32, topics))
        self.decoder = nn.Linear(topics, words)

    def forward(self, counts):
        return self.decoder(F.softmax(self.encoder(counts), -1))


def loss(model, counts):
    words = counts / counts.sum(-1, keepdim=True)
    entropy = -(words * words.log()).sum(-1)  # fault
    cross = -(words * F.log_softmax(model(counts), -1)).sum(-1)
    return (cross - entropy).mean()


def batches():
    torch.manual_seed(3)
    documents = [torch.poisson(torch.full((16, 30), 4.0)).clamp_min(1.0) for _ in range(40)]
    documents[23][11, 7] = 0.0
    return documents


def target():
    torch.manual_seed(0)
    model = Topics()
    return {
        "model": model,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "loss": loss,
        "batches": batches(),
    }
