# mypy: ignore-errors
"""A transformer in float16 whose scores are not scaled: long vectors have products beyond 65504."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "fp16_overflow",
    "phase": "forward",
    "op": "matmul",
    "module": "attend",
    "step": 19,
    "cure": "float32",
}


class Attend(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x):
        scores = self.query(x) @ self.key(x).transpose(-1, -2)  # fault
        return F.softmax(scores, -1) @ self.value(x)


class Tagger(nn.Module):
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, width)
        self.attend = Attend(width)
        self.head = nn.Linear(width, 4)

    def forward(self, tokens, gain):
        x = self.embed(tokens) * gain[:, None, None]
        return self.head(x + self.attend(x))


def loss(model, batch):
    tokens, gain, tags = batch
    return F.cross_entropy(model(tokens, gain).flatten(0, 1).float(), tags.flatten())


def batches():
    numbers = torch.Generator().manual_seed(4)
    made = []
    for step in range(40):
        tokens = torch.randint(0, 50, (6, 9), generator=numbers)
        tags = torch.randint(0, 4, (6, 9), generator=numbers)
        made.append((tokens, torch.full((6,), 400.0 if step == 19 else 1.0), tags))
    return made


def target():
    torch.manual_seed(0)
    model = Tagger()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return {"model": model, "optimizer": optimizer, "loss": loss, "batches": batches(), "precision": "fp16"}
