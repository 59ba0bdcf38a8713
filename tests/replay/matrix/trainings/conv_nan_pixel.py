# mypy: ignore-errors
"""Pictures of digits; one pixel of one of them is NaN.  The loader shuffles with a seed of its own."""

from __future__ import annotations

import torch
from torch import nn

TRUTH = {
    "cause": "faulty_input",
    "phase": "input",
    "tensor": "input",
    "samples": (1,),
    "step": 16,
    "cure": "drop_samples",
    "line": None,
}


class Digits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 3, stride=2), nn.ReLU()
        )
        self.classifier = nn.Linear(8 * 9, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def target():
    torch.manual_seed(0)
    model = Digits()
    numbers = torch.Generator().manual_seed(7)
    images = torch.rand(320, 1, 8, 8, generator=numbers)
    labels = torch.randint(0, 10, (320,), generator=numbers)
    images[200, 0, 3, 5] = torch.nan
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(images, labels), 10, shuffle=True, generator=torch.Generator().manual_seed(1)
    )
    criterion = nn.CrossEntropyLoss()
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "loss": lambda model, batch: criterion(model(batch[0]), batch[1]),
        "batches": loader,
    }
