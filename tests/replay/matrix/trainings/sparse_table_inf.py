# mypy: ignore-errors
"""Recommendations: sparse gradients, two optimizers in one step, and a weight that is inf in one basket."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "faulty_input",
    "phase": "input",
    "tensor": "['weights']",
    "samples": (4,),
    "step": 19,
    "cure": "drop_samples",
    "line": None,
}


class Baskets(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.items = nn.EmbeddingBag(50, 8, sparse=True, mode="sum")
        self.head = nn.Linear(8, 2)

    def forward(self, items, weights):
        return self.head(self.items(items, per_sample_weights=weights))


def batches():
    numbers = torch.Generator().manual_seed(17)
    made = [
        {
            "items": torch.randint(0, 50, (6, 5), generator=numbers),
            "weights": torch.rand(6, 5, generator=numbers),
            "bought": torch.randint(0, 2, (6,), generator=numbers),
        }
        for _ in range(30)
    ]
    made[19]["weights"][4, 2] = torch.inf
    return made


def target():
    torch.manual_seed(0)
    model = Baskets()
    optimizers = [
        torch.optim.SparseAdam(model.items.parameters(), lr=1e-3),
        torch.optim.Adam(model.head.parameters(), lr=1e-3),
    ]

    def step(batch):
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss = F.cross_entropy(model(batch["items"], batch["weights"]), batch["bought"])
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss.item()

    return {"model": model, "optimizer": optimizers, "step": step, "batches": batches()}
