"""A Lightning training with one of several faults or none: lightning_trainer.py FAULT."""

# mypy: ignore-errors
from __future__ import annotations

# ruff: noqa: T201  a training that prints
import logging
import sys
import warnings

import lightning.pytorch as pl
import torch
from torch import nn

warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
FAULT = sys.argv[1]
BAD = 6


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(6, 12), nn.Linear(12, 12)])
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x).tanh()
        if FAULT == "acos_edge" and self.calls == BAD:
            x = x + torch.acos(x / x.detach().abs().clamp_min(1e-12)) * 0.1  # FAULT acos_edge
        self.calls += self.training
        return x


class System(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.mean, self.spread = nn.Linear(12, 1), nn.Linear(12, 1)

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        x, y = batch
        hidden = self.encoder(x)
        mean, spread = self.mean(hidden)[:, 0], self.spread(hidden)[:, 0].exp()
        if FAULT == "likelihood" and self.global_step == BAD:
            spread = spread * 0
        loss = ((y - mean) / spread).square().mean() * 0.5 + spread.log().mean()  # FAULT likelihood
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        self.log("val_loss", (self.mean(self.encoder(batch[0]))[:, 0] - batch[1]).square().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)

    def on_train_batch_end(self, outputs: object, batch: object, index: int) -> None:
        if self.global_step % 5 == 0:
            print(f"step {self.global_step} loss {self.trainer.callback_metrics['train_loss']:.5f}")


if __name__ == "__main__":
    torch.manual_seed(2)
    x = torch.randn(80, 6)
    y = x.sum(1)
    if FAULT == "nan_label":
        y[51] = float("nan")
    data = torch.utils.data.TensorDataset(x, y)
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=1.0,
        accumulate_grad_batches=2 if FAULT == "accumulated_nan_label" else 1,
    )
    loader = torch.utils.data.DataLoader(data, batch_size=8)
    trainer.fit(System(), loader, torch.utils.data.DataLoader(data, batch_size=16))
