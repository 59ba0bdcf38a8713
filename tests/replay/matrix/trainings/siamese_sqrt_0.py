# mypy: ignore-errors
"""Pairs of faces: two identical pictures are at a distance of 0, and the root has no slope there."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "undefined_gradient",
    "phase": "backward",
    "op": "sqrt",
    "samples": (2,),
    "step": 17,
    "cure": "guard_op",
}


class Faces(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 8, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32, 8),
        )

    def forward(self, faces):
        return self.body(faces)


def distance(one, other):
    return ((one - other) ** 2).sum(-1).sqrt()  # fault


def loss(model, batch):
    apart = distance(model(batch["left"]), model(batch["right"]))
    same = batch["same"]
    return (same * apart + (1 - same) * F.relu(1 - apart)).mean()


class Pairs(torch.utils.data.Dataset):
    def __init__(self) -> None:
        numbers = torch.Generator().manual_seed(5)
        self.left = torch.rand(240, 1, 10, 10, generator=numbers)
        self.right = torch.rand(240, 1, 10, 10, generator=numbers)
        self.same = torch.randint(0, 2, (240,), generator=numbers).float()
        self.right[17 * 8 + 2] = self.left[17 * 8 + 2]
        self.same[17 * 8 + 2] = 1.0

    def __len__(self) -> int:
        return 240

    def __getitem__(self, index):
        return {"left": self.left[index], "right": self.right[index], "same": self.same[index]}


def target():
    torch.manual_seed(0)
    model = Faces()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loader = torch.utils.data.DataLoader(Pairs(), batch_size=8)
    return {"model": model, "optimizer": optimizer, "loss": loss, "batches": loader}
