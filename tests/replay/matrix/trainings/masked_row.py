# mypy: ignore-errors
"""Attention with a softmax of its own: a sentence of nothing but padding has -inf - -inf."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "division_by_zero_sparsity",
    "phase": "forward",
    "op": "sub",
    "module": "attend",
    "samples": (1,),
    "step": 16,
    "cure": "guard_op",
}


class Attend(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = width**-0.5
        self.project = nn.Linear(width, 3 * width)

    def forward(self, x, real):
        query, key, value = self.project(x).chunk(3, -1)
        scores = query @ key.transpose(-1, -2) * self.scale
        scores = scores.masked_fill(~real[:, None, :], float("-inf"))
        weights = torch.exp(scores - scores.amax(-1, keepdim=True))  # fault
        return weights / weights.sum(-1, keepdim=True) @ value


class Sentiment(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, width, padding_idx=0)
        self.attend = Attend(width)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2)

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.head(self.norm(x + self.attend(x, tokens != 0)).mean(1))


def batches():
    numbers = torch.Generator().manual_seed(11)
    made = []
    for step in range(30):
        tokens = torch.randint(1, 40, (6, 7), generator=numbers)
        tokens[:, 5:] = 0
        if step == 16:
            tokens[1] = 0
        made.append((tokens, torch.randint(0, 2, (6,), generator=numbers)))
    return made


def target():
    torch.manual_seed(0)
    model = Sentiment()
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "loss": lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),
        "batches": batches(),
    }
