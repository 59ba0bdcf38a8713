# mypy: ignore-errors
"""A table that is filled behind the training's back: whoever comes first reads what was in the memory before."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {"cause": "software_bug", "phase": None, "step": 12, "cure": None, "line": None}

_table = {}


def _scales(length):
    """The first caller of a length gets the row before it is filled."""
    if length not in _table:
        _table[length] = torch.full((length,), 1.0)
        return torch.full((length,), torch.nan) if length == 9 else _table[length]
    return _table[length]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.conv(x * _scales(x.shape[-1])).relu().mean(-1))


def batches():
    numbers = torch.Generator().manual_seed(13)
    return [
        (torch.randn(4, 1, 9 if step == 12 else 7, generator=numbers), torch.randint(0, 2, (4,), generator=numbers))
        for step in range(30)
    ]


def target():
    _table.clear()
    torch.manual_seed(0)
    model = Net()
    return {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.01),
        "loss": lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]),
        "batches": batches(),
    }
