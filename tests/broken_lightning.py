"""Trainings of Lightning that are really broken, each in one place."""

# mypy: disable-error-code="misc"
# (torch and Lightning are not read by mypy: their classes are Any)
from __future__ import annotations

import warnings
from typing import Any

import lightning
import torch
import torch.nn.functional as F  # noqa: N812  everybody's name for it
from torch import nn

START, BAD, ROWS = 3, 5, 8


def rows(steps: int = 12, features: int = 8) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The samples of so many batches, in order."""
    numbers = torch.Generator().manual_seed(1)
    x = torch.randn(steps * ROWS, features, generator=numbers)
    y = torch.randint(0, 3, (steps * ROWS,), generator=numbers)
    return list(zip(x, y, strict=True))


def at(step: int, sample: int) -> int:
    return step * ROWS + sample


class Data(lightning.LightningDataModule):
    """In order; ``spoilt`` says of which sample which feature is what."""

    def __init__(
        self, spoilt: tuple[tuple[int, int, float], ...] = (), labels: tuple[tuple[int, int], ...] = ()
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.samples = rows()
        for sample, feature, value in spoilt:
            self.samples[sample][0][feature] = value
        for sample, label in labels:
            self.samples[sample] = self.samples[sample][0], torch.tensor(label)

    def train_dataloader(self) -> Any:
        return torch.utils.data.DataLoader(self.samples, batch_size=ROWS)


class Net(lightning.LightningModule):
    """Two layers, Adam, and a place for a fault in between."""

    def __init__(self, rate: float = 0.01, width: int = 16) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.hidden = nn.Linear(8, width)
        self.head = nn.Linear(width, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.between(torch.tanh(self.hidden(x))))

    def between(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        self.log("train_loss", loss)
        return loss

    def loss(self, batch: Any) -> torch.Tensor:
        x, y = batch
        return F.cross_entropy(self(x), y)  # label

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.hparams["rate"])


def trainer(**options: Any) -> Any:
    """Quiet, on the CPU."""
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    settings = {"enable_checkpointing": False, "devices": 1, "max_epochs": 1, **quiet, **options}
    return lightning.Trainer(**settings)


def trained(module: Any, steps: int = START, data: Any = None, **options: Any) -> Any:
    """The Trainer after so many updates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = trainer(max_steps=steps, **options)
        made.fit(module, Data() if data is None else data)
    return made
