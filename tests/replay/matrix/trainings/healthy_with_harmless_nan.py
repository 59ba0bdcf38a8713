# mypy: ignore-errors
"""A decoder with a causal mask of -inf, a NaN in a column that is never read, and a branch of NaN not taken."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {"cause": None}


class Decoder(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, width)
        self.attend = nn.MultiheadAttention(width, 2, batch_first=True)
        self.head = nn.Linear(width, 20)
        self.register_buffer("mask", torch.triu(torch.full((6, 6), float("-inf")), 1))

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.head(x + self.attend(x, x, x, attn_mask=self.mask, need_weights=False)[0])


def loss(model, batch):
    table = batch["table"]
    with torch.no_grad():
        gain = torch.where(table[:, 0] > 0, table[:, 0].log(), 0.0)  # log of negative numbers, not taken
    scores = model(batch["tokens"][:, :-1])
    each = F.cross_entropy(scores.transpose(1, 2), batch["tokens"][:, 1:], reduction="none").mean(1)
    return (each * (1 + 0.1 * gain)).mean()


def target():
    torch.manual_seed(0)
    model = Decoder()
    numbers = torch.Generator().manual_seed(16)
    made = []
    for _ in range(40):
        table = torch.randn(5, 3, generator=numbers)
        table[:, 2] = torch.nan
        made.append({"tokens": torch.randint(0, 20, (5, 7), generator=numbers), "table": table})
    return {"model": model, "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3), "loss": loss, "batches": made}
