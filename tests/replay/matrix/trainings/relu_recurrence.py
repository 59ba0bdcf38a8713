# mypy: ignore-errors
"""A recurrence with relu, read letter by letter: on a long text its state grows without bound."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {"cause": "relu_rnn", "phase": "forward", "op": "linear", "module": "around", "step": 18, "cure": "tanh"}


class Letters(nn.Module):
    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.embed = nn.Embedding(26, width)
        self.around = nn.Linear(width, width)
        self.head = nn.Linear(width, 2)
        with torch.no_grad():
            self.around.weight.copy_(torch.eye(width) * 1.8)

    def forward(self, text):
        state = torch.zeros(len(text), self.around.in_features)
        for letter in self.embed(text).unbind(1):
            state = F.relu(letter + self.around(state))  # fault
        return self.head(state)


def batches():
    numbers = torch.Generator().manual_seed(10)
    made = []
    for step in range(30):
        text = torch.randint(0, 26, (5, 200 if step == 18 else 8), generator=numbers)
        made.append((text, torch.randint(0, 2, (5,), generator=numbers)))
    return made


def target():
    torch.manual_seed(0)
    model = Letters()
    return {
        "model": model,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-4),
        "loss": lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),
        "batches": batches(),
    }
