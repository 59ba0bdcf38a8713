"""Trainings of Lightning that are really broken, each in one place, and two that are not."""

# mypy: disable-error-code="misc"
# (torch and Lightning are not read by mypy: their classes are Any)
from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
import torch.nn.functional as F  # noqa: N812  everybody's name for it
from torch import nn

from lightning_nets import ROWS, Data, Net, trainer

START, BAD = 3, 5

Tensors = Any


class Spoilt(Data):
    """The samples of the batch that breaks the training are changed by ``spoil``, in place."""

    def __init__(self, spoil: Callable[[list[Tensors]], None] = lambda _: None) -> None:
        super().__init__()
        chosen = slice(BAD * ROWS, (BAD + 1) * ROWS)
        samples = [(x.clone(), y.clone()) for x, y in self.samples[chosen]]
        spoil(samples)
        self.samples[chosen] = samples


def made(module: Any, spoil: Callable[[list[Tensors]], None] = lambda _: None, **trainer: Any) -> dict[str, Any]:
    return {"module": module, "datamodule": Spoilt(spoil), "trainer": trainer}


class LogOfSize(Net):
    def loss(self, batch: Tensors) -> torch.Tensor:
        size = batch[0].abs().sum(-1)
        return super().loss(batch) + 0.01 * torch.log(size).mean()  # log


def log() -> Any:
    """The logarithm of a sum that is 0 for one sample."""
    return made(LogOfSize(), lambda samples: samples[3][0].fill_(0.0))


class Apart(Net):
    def loss(self, batch: Tensors) -> torch.Tensor:
        x, y = batch
        outputs = self(x)
        apart = ((outputs * x[:, :1]) ** 2).sum(-1)
        return F.cross_entropy(outputs, y) + apart.sqrt().mean()  # sqrt


def sqrt() -> Any:
    """A distance of 0: the root is finite, its slope is not."""
    return made(Apart(), lambda samples: samples[5][0][:1].fill_(0.0))


def nan_input() -> Any:
    return made(Net(), lambda samples: samples[3][0][2:3].fill_(torch.nan))


def two_bad_samples() -> Any:
    def spoil(samples: list[Tensors]) -> None:
        samples[2][0][1] = torch.inf
        samples[6][0][4] = torch.nan

    return made(Net(), spoil)


class Classes(Net):
    def loss(self, batch: Tensors) -> torch.Tensor:
        return F.cross_entropy(self(batch[0]), batch[1])  # label


def label() -> Any:
    return made(Classes(), lambda samples: samples[5][1].fill_(7))


class Regression(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(8, 1)

    def training_step(self, batch: Tensors, batch_idx: int) -> torch.Tensor:
        x, y = batch
        return ((self.line(x).squeeze(-1) - y) ** 2).mean()  # rate

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=80.0)


def rate() -> Any:
    """A rate of 80 on a linear regression: every step is larger than the last."""
    return made(Regression(), max_epochs=3)


class Scaled(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.hidden(x)) * x[:, :1].abs()
        return self.head(hidden) / 1000.0  # fp16


def fp16() -> Any:
    """Activations of a whole batch beyond 65504, in the precision that a GPU would use."""

    def spoil(samples: list[Tensors]) -> None:
        for x, _ in samples:
            x[0] = 3e5

    plugin = lightning.pytorch.plugins.MixedPrecision("16-mixed", "cpu")
    return made(Scaled(1e-3), spoil, plugins=[plugin])


class PerClass(Net):
    def loss(self, batch: Tensors) -> torch.Tensor:
        x, y = batch
        each = F.cross_entropy(self(x), y, reduction="none")
        total = torch.zeros(())
        for number in range(3):
            chosen = (y == number).float()
            total = total + (each * chosen).sum() / chosen.sum()  # absent_class
        return total


def absent_class() -> Any:
    def spoil(samples: list[Tensors]) -> None:
        for _, y in samples:
            y.clamp_(max=1)

    found = made(PerClass(), spoil)
    for number, (_, y) in enumerate(found["datamodule"].samples[: BAD * ROWS]):
        y.fill_(number % 3)
    return found


class BatchNorm(nn.Module):
    """One of a user's own: torch's refuses an epsilon of 0."""

    def __init__(self) -> None:
        super().__init__()
        self.eps = 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        deviation = torch.sqrt(x.var(0, unbiased=False) + self.eps)
        return (x - x.mean(0)) / deviation  # norm


class Normed(Net):
    def __init__(self) -> None:
        super().__init__()
        self.norm = BatchNorm()

    def between(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)


def norm() -> Any:
    """A batch of eight equal samples, and an epsilon of 0."""

    def spoil(samples: list[Tensors]) -> None:
        for x, _ in samples:
            x.copy_(samples[0][0])

    return made(Normed(), spoil)


class Attention(lightning.LightningModule):
    """The first feature says how much of the sequence may be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = nn.Linear(1, 4), nn.Linear(1, 4), nn.Linear(1, 3)

    def training_step(self, batch: Tensors, batch_idx: int) -> torch.Tensor:
        x, y = batch
        sequence = x[:, 1:, None]
        scores = self.query(sequence) @ self.key(sequence).transpose(-1, -2)
        scores = scores.masked_fill((x[:, :1] < -50)[:, :, None], -torch.inf)
        outputs = (torch.softmax(scores, -1) @ self.value(sequence)).mean(1)  # mask
        return F.cross_entropy(outputs, y)

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=0.01)


def mask() -> Any:
    """A sample of which nothing may be seen."""

    def spoil(samples: list[Tensors]) -> None:
        for number, (x, _) in enumerate(samples):
            x[0] = -100.0 if number == 4 else x[0] * 20

    return made(Attention(), spoil)


def corrupt_weights() -> Any:
    return made(Net())


def corrupt_optimizer() -> Any:
    return made(Net())


def healthy() -> Any:
    return made(Net())


class Dropped(Net):
    def between(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, 0.3, self.training)


def healthy_dropout() -> Any:
    return made(Dropped(), gradient_clip_val=1.0, precision="bf16-mixed")


@dataclass(frozen=True)
class Fault:
    """What is true of a target."""

    name: str
    cause: str
    phase: str = "forward"
    op: str | None = None
    module: str | None = None
    tensor: str | None = None
    samples: tuple[int, ...] | None = None
    step: int = BAD
    cure: str | None = None
    start: int = START

    @property
    def line(self) -> int | None:
        lines = Path(__file__).read_text(encoding="utf-8").splitlines()
        return next((number for number, line in enumerate(lines, 1) if line.endswith(f"  # {self.name}")), None)


FAULTS = [
    Fault("log", "faulty_loss", op="log", samples=(3,), cure="guard_op"),
    Fault("sqrt", "undefined_gradient", "backward", "sqrt", samples=(5,), cure="guard_op"),
    Fault("nan_input", "faulty_input", "input", tensor="input", samples=(3,), cure="drop_samples"),
    Fault("two_bad_samples", "faulty_input", "input", tensor="input", samples=(2, 6), cure="drop_samples"),
    Fault("label", "faulty_input", op="cross_entropy", tensor="label", samples=(5,), cure="drop_samples"),
    Fault("rate", "lr_too_high", op="pow", step=8, cure="lr/1000", start=0),
    Fault("fp16", "fp16_overflow", op="linear", module="head", cure="float32"),
    Fault("absent_class", "division_by_zero_sparsity", op="div", cure="guard_op"),
    Fault("norm", "batchnorm_instability", op="div", module="norm", cure="eps"),
    Fault("mask", "division_by_zero_sparsity", op="softmax", samples=(4,), cure="guard_op"),
    Fault(
        "corrupt_weights",
        "bad_initialisation",
        "parameter",
        None,
        "hidden",
        "hidden.weight",
        None,
        START,
        "restore_weights",
    ),
    Fault(
        "corrupt_optimizer",
        "bad_initialisation",
        "optimizer_state",
        None,
        "head",
        "head.weight",
        None,
        START,
        "reset_optimizer",
    ),
]
HEALTHY = ["healthy", "healthy_dropout"]


def checkpoint_of(name: str, path: Path, start: int = START) -> Path:
    """Train the target for ``start`` steps and let the Trainer save it, broken where the fault is in the checkpoint."""
    lightning.seed_everything(1, verbose=False)
    target = globals()[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        running = trainer(**{**target["trainer"], "max_steps": start})
        running.fit(target["module"], datamodule=target["datamodule"])
        running.save_checkpoint(path)
    if name.startswith("corrupt"):
        content = torch.load(path, weights_only=True)
        if name == "corrupt_weights":
            content["state_dict"]["hidden.weight"][2, 3] = torch.nan
        else:
            content["optimizer_states"][0]["state"][2]["exp_avg"][1, 1] = torch.nan
        torch.save(content, path)
    return path
