"""Small trainings of Lightning, healthy ones of many kinds; ``broken_lightning`` has the others."""

# mypy: disable-error-code="misc"
# (torch and Lightning are not read by mypy: their classes are Any)
from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import lightning
import torch
import torch.nn.functional as F  # noqa: N812  everybody's name for it
from torch import nn

ROWS = 8


def rows(steps: int = 12, features: int = 8) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The samples of so many batches, in order."""
    numbers = torch.Generator().manual_seed(1)
    x = torch.randn(steps * ROWS, features, generator=numbers)
    y = torch.randint(0, 3, (steps * ROWS,), generator=numbers)
    return list(zip(x, y, strict=True))


class Data(lightning.LightningDataModule):
    """In order."""

    def __init__(self) -> None:
        super().__init__()
        self.samples = rows()

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
        return F.cross_entropy(self(x), y)

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.hparams["rate"])


def trainer(**options: Any) -> Any:
    """Quiet, on the CPU."""
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    settings = {"enable_checkpointing": False, "devices": 1, "max_epochs": 1, **quiet, **options}
    return lightning.Trainer(**settings)


class Losses(lightning.Callback):
    """The loss of each update, as the training itself saw it, whatever optimizes it."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self._parts: list[float] = []

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: torch.Tensor) -> None:
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        self._parts.append(float(loss.detach()) / (1.0 if scaler is None else scaler.get_scale()))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if not trainer.fit_loop._should_accumulate():
            self.steps.append(float(sum(self._parts)))
            self._parts = []


class Shuffled(Data):
    """In an order of its own generator, with a batch that is not full at the end of each epoch."""

    def train_dataloader(self) -> Any:
        numbers = torch.Generator().manual_seed(5)
        return torch.utils.data.DataLoader(self.samples[:36], batch_size=ROWS, shuffle=True, generator=numbers)


class Scheduled(Net):
    """A rate that changes with each step, and another that changes with each epoch."""

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams["rate"])
        steps = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.7)
        epochs = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        schedules = [{"scheduler": steps, "interval": "step"}, {"scheduler": epochs, "interval": "epoch"}]
        return [optimizer], schedules


class Counting(Net):
    """The loss hangs on everything that a hook can know."""

    scale = 1.0

    def on_train_epoch_start(self) -> None:
        self.scale = 1.0 + self.current_epoch

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.place = float(batch_idx)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return batch[0] * 2.0 + 1.0, batch[1]

    def loss(self, batch: Any) -> torch.Tensor:
        return super().loss(batch) * (self.scale + self.place + self.global_step / 7)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None
    ) -> None:
        self.clip_gradients(optimizer, gradient_clip_val=0.01 * (1 + self.global_step), gradient_clip_algorithm="norm")


class Adversarial(lightning.LightningModule):
    """Two optimizers, by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.maker, self.judge = nn.Linear(8, 8), nn.Linear(8, 1)

    def training_step(self, batch: Any, batch_idx: int) -> None:
        x, _ = batch
        of_maker, of_judge = self.optimizers()
        self.toggle_optimizer(of_maker)
        loss = F.softplus(-self.judge(self.maker(x))).mean()
        of_maker.zero_grad()
        self.manual_backward(loss)
        of_maker.step()
        self.untoggle_optimizer(of_maker)
        self.toggle_optimizer(of_judge)
        loss = F.softplus(self.judge(self.maker(x).detach())).mean() + F.softplus(-self.judge(x)).mean()
        of_judge.zero_grad()
        self.manual_backward(loss)
        self.clip_gradients(of_judge, gradient_clip_val=0.1, gradient_clip_algorithm="norm")
        of_judge.step()
        self.untoggle_optimizer(of_judge)

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.maker.parameters(), lr=0.1), torch.optim.SGD(self.judge.parameters(), lr=0.1)


class Second(Net):
    """An optimizer that asks for the loss several times."""

    def configure_optimizers(self) -> Any:
        return torch.optim.LBFGS(self.parameters(), lr=0.1, max_iter=3)


def scheduled() -> Any:
    return {"module": Scheduled(), "datamodule": Shuffled(), "trainer": {"max_epochs": 3}}


def accumulated() -> Any:
    trainer = {"max_epochs": 4, "accumulate_grad_batches": 3, "gradient_clip_val": 0.05}
    return {"module": Scheduled(), "datamodule": Shuffled(), "trainer": trainer}


def counting() -> Any:
    trainer = {"max_epochs": 3, "limit_train_batches": 4}
    return {"module": Counting(), "datamodule": Shuffled(), "trainer": trainer}


def by_value() -> Any:
    trainer = {
        "max_epochs": 2,
        "gradient_clip_val": 1e-3,
        "gradient_clip_algorithm": "value",
        "precision": "bf16-mixed",
    }
    return {"module": Net(), "datamodule": Shuffled(), "trainer": trainer}


def doubles() -> Any:
    return {"module": Net(), "datamodule": Shuffled(), "trainer": {"max_epochs": 2, "precision": "64-true"}}


def short_floats() -> Any:
    return {"module": Net(), "datamodule": Shuffled(), "trainer": {"max_epochs": 2, "precision": "bf16-true"}}


def adversarial() -> Any:
    return {"module": Adversarial(), "datamodule": Shuffled(), "trainer": {"max_epochs": 3}}


def second() -> Any:
    return {"module": Second(), "datamodule": Shuffled(), "trainer": {"max_epochs": 2}}


def steps_of(name: str, folder: Path, at_step: int) -> tuple[Path, list[float]]:
    """Train a target to its end; the checkpoint that ModelCheckpoint wrote on the way, and the loss of each step."""
    lightning.seed_everything(3, verbose=False)
    made = globals()[name]()
    losses, options = Losses(), dict(made["trainer"])
    each = 2 if name == "adversarial" else 1  # optimizers
    saving = lightning.pytorch.callbacks.ModelCheckpoint(
        folder, "{step}", every_n_train_steps=each, save_top_k=-1, save_last=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options |= {"enable_checkpointing": True, "callbacks": [losses, saving], "limit_val_batches": 0}
        trainer(**options).fit(made["module"], datamodule=made["datamodule"])
    return folder / f"step={at_step * each}.ckpt", losses.steps
