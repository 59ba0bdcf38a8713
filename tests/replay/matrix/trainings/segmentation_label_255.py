# mypy: ignore-errors
"""Masks in which 255 stands for "no label", and a loss that was not told so."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "faulty_input",
    "phase": "forward",
    "op": "cross_entropy",
    "tensor": "label",
    "samples": (3,),
    "step": 14,
    "cure": "drop_samples",
}


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(8, 5, 2, stride=2)

    def forward(self, x):
        return self.up(F.gelu(self.down(x)))


def loss(model, batch):
    image, mask = batch
    return F.cross_entropy(model(image), mask)  # fault


def batches():
    numbers = torch.Generator().manual_seed(9)
    made = [
        (torch.rand(4, 3, 8, 8, generator=numbers), torch.randint(0, 5, (4, 8, 8), generator=numbers))
        for _ in range(30)
    ]
    made[14][1][3, :2, :2] = 255
    return made


def target():
    torch.manual_seed(0)
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "optimizer": optimizer, "loss": loss, "batches": batches()}
