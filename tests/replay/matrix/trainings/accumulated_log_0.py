# mypy: ignore-errors
"""Four micro-batches make a step; in one of them a recording is silent, and its loudness is the log of 0."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "faulty_loss",
    "phase": "forward",
    "op": "log10",
    "samples": (2,),
    "step": 8,
    "saved": 3,
    "cure": "guard_op",
}


class Recordings(torch.utils.data.Dataset):
    def __init__(self) -> None:
        numbers = torch.Generator().manual_seed(21)
        self.waves = torch.randn(200, 32, generator=numbers)
        self.words = torch.randint(0, 3, (200,), generator=numbers)
        self.waves[34 * 4 + 2] = 0.0

    def __len__(self) -> int:
        return 200

    def __getitem__(self, index):
        return {"wave": self.waves[index], "label": self.words[index]}


class Listener(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 6, 5, stride=2)
        self.head = nn.Linear(7, 3)

    def forward(self, wave):
        loudness = 20 * torch.log10(wave.pow(2).mean(-1, keepdim=True).sqrt())  # fault
        features = F.relu(self.conv(wave[:, None])).mean(-1)
        return self.head(torch.cat([features, loudness / 20], -1))


def target():
    torch.manual_seed(0)
    model = Listener()
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "loss": lambda model, batch: {"loss": F.cross_entropy(model(batch["wave"]), batch["label"])},
        "batches": torch.utils.data.DataLoader(Recordings(), batch_size=4),
        "accumulate": 4,
        "clip_norm": 1.0,
    }
