"""Tiny trainings for ``nanlog replay``, each broken in one way at step 12 where nothing else is said.

Every function is a target.  The line on which the fault arises ends in ``# NAME``; ``FAULTS`` says what a replay has to
find out about each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

BAD = 12
START = 6

Batch = tuple[torch.Tensor, ...]
Target = dict[str, Any]


def data(features: int = 8, classes: int = 3) -> list[Batch]:
    numbers = torch.Generator().manual_seed(1)
    return [
        (torch.randn(8, features, generator=numbers), torch.randint(0, classes, (8,), generator=numbers))
        for _ in range(30)
    ]


class Net(nn.Module):  # type: ignore[misc]
    def __init__(self, features: int = 8, outputs: int = 3) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, 16)
        self.head = nn.Linear(16, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.hidden(x)))  # rate


def cross_entropy(model: nn.Module, batch: Batch) -> torch.Tensor:
    x, y = batch
    return F.cross_entropy(model(x), y)  # label


def target(
    model: type[nn.Module] = Net,
    loss: Callable[..., torch.Tensor] = cross_entropy,
    batches: Any = None,
    lr: float = 0.05,
    kind: Any = torch.optim.Adam,
    **more: Any,
) -> Target:
    torch.manual_seed(0)
    net = model()
    return {
        "model": net,
        "optimizer": kind(net.parameters(), lr=lr),
        "loss": loss,
        "batches": data() if batches is None else batches,
        **more,
    }


def healthy() -> Target:
    return target()


class Dropped(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


def healthy_dropout() -> Target:
    """Random numbers and running statistics in each step."""
    return target(Dropped, kind=torch.optim.SGD)


def log() -> Target:
    """The logarithm of a sum that is 0 for one sample."""

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        size = batch[0].abs().sum(-1)
        return cross_entropy(model, batch) + 0.01 * torch.log(size).mean()  # log

    batches = data()
    batches[BAD][0][3] = 0.0
    return target(loss=loss, batches=batches)


def sqrt() -> Target:
    """A distance of 0: the root is finite, its slope is not."""

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        x, y = batch
        outputs = model(x)
        apart = ((outputs * x[:, :1]) ** 2).sum(-1)
        return F.cross_entropy(outputs, y) + apart.sqrt().mean()  # sqrt

    batches = data()
    batches[BAD][0][5, 0] = 0.0
    return target(loss=loss, batches=batches)


def nan_input() -> Target:
    batches = data()
    batches[BAD][0][3, 2] = torch.nan
    return target(batches=batches)


def two_bad_samples() -> Target:
    batches = data()
    batches[BAD][0][2, 1] = torch.inf
    batches[BAD][0][6, 4] = torch.nan
    return target(batches=batches)


def label() -> Target:
    batches = data()
    batches[BAD][1][5] = 7
    return target(batches=batches)


def negative_label() -> Target:
    """A count of -9 in a loss that takes the logarithm of counts."""

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        x, counts = batch
        rate = model(x)[:, 0].clamp(-5, 5).exp()
        return (rate - counts * rate.log()).mean() + torch.log(1.0 + counts).mean()  # negative_label

    batches = data()
    batches[BAD][1][5] = -9
    return target(loss=loss, batches=batches)


class Regression(Net):
    def __init__(self) -> None:
        super().__init__(outputs=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(x))  # rate


def rate() -> Target:
    """A rate of 80 on a linear regression: every step is larger than the last."""

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        x, y = batch
        return ((model(x).squeeze(-1) - y) ** 2).mean()

    return target(Regression, loss, lr=80.0, kind=torch.optim.SGD)


class Scaled(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.hidden(x)) * x[:, :1].abs()
        return self.head(hidden) / 1000.0  # fp16


def fp16() -> Target:
    """Activations of a whole batch beyond 65504."""
    batches = data()
    batches[BAD][0][:, 0] = 3e5
    return target(Scaled, batches=batches, precision="fp16", lr=1e-3)


def absent_class() -> Target:
    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        x, y = batch
        each = F.cross_entropy(model(x), y, reduction="none")
        total = torch.zeros(())
        for number in range(3):
            chosen = (y == number).float()
            total = total + (each * chosen).sum() / chosen.sum()  # absent_class
        return total

    batches = data()
    for _, y in batches:
        y[:3] = torch.arange(3)
    batches[BAD][1][2] = 0
    batches[BAD][1].clamp_(max=1)
    return target(loss=loss, batches=batches)


class BatchNorm(nn.Module):  # type: ignore[misc]
    """One of a user's own: torch's refuses an epsilon of 0."""

    def __init__(self, features: int, eps: float = 0.0) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        deviation = torch.sqrt(x.var(0, unbiased=False) + self.eps)
        return (x - x.mean(0)) / deviation * self.weight  # norm


class Normed(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(8, 16)
        self.norm = BatchNorm(16)
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.norm(self.hidden(x))))


def norm() -> Target:
    """A batch of eight equal samples."""
    batches = data()
    batches[BAD][0][:] = batches[BAD][0][0]
    return target(Normed, batches=batches)


class Recurrent(nn.Module):  # type: ignore[misc]
    """The last feature says how long the sequence is."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(8, 16, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(16, 3)
        with torch.no_grad():
            self.rnn.weight_hh_l0.copy_(torch.eye(16) * 2.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sequence = x[:, None, :8].repeat(1, int(x[0, 8]), 1)
        return self.head(self.rnn(sequence)[0][:, -1])  # rnn


class OwnRecurrent(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.inward = nn.Linear(8, 16)
        self.around = nn.Linear(16, 16)
        self.head = nn.Linear(16, 3)
        with torch.no_grad():
            self.around.weight.copy_(torch.eye(16) * 2.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.zeros(len(x), 16)
        for _ in range(int(x[0, 8])):
            hidden = torch.relu(self.inward(x[:, :8]) + self.around(hidden))  # own_rnn
        return self.head(hidden)


def _with_lengths() -> list[Batch]:
    batches = data(features=9)
    for step, (x, _) in enumerate(batches):
        x[:, 8] = 120.0 if step == BAD else 10.0
    return batches


def rnn() -> Target:
    return target(Recurrent, batches=_with_lengths())


def own_rnn() -> Target:
    return target(OwnRecurrent, batches=_with_lengths())


class Attention(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        scores = self.query(x) @ self.key(x).transpose(-1, -2)
        scores = scores.masked_fill(~seen[:, None, :], -torch.inf)
        return (torch.softmax(scores, -1) @ self.value(x)).mean(1)  # mask


def mask() -> Target:
    """A sample of which nothing may be seen."""

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        x, seen, y = batch
        return F.cross_entropy(model(x, seen), y)

    numbers = torch.Generator().manual_seed(1)
    batches: list[Batch] = []
    for step in range(30):
        seen = torch.rand(8, 5, generator=numbers) > 0.3
        seen[:, 0] = True
        seen[4] &= step != BAD
        y = torch.randint(0, 3, (8,), generator=numbers)
        batches.append((torch.randn(8, 5, 8, generator=numbers), seen, y))
    return target(Attention, loss, batches)


def corrupt_weights() -> Target:
    return target()


def corrupt_optimizer() -> Target:
    return target()


def endless_rate() -> Target:
    """A schedule that divides by the steps that are left."""
    made = target(kind=torch.optim.SGD)
    made["scheduler"] = torch.optim.lr_scheduler.LambdaLR(
        made["optimizer"], lambda step: 1.0 if step < BAD - START else float("inf")
    )
    return made


_calls = 0


def comes_and_goes() -> Target:
    """Bad in the first of several identical runs."""
    global _calls  # noqa: PLW0603  what differs between the runs has to be outside the training
    _calls = 0

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        global _calls  # noqa: PLW0603
        _calls += 1
        return cross_entropy(model, batch) * (torch.nan if _calls == 7 else 1.0)

    return target(loss=loss)


def everything() -> Target:
    """Normalisation, dropout, an optimizer with moments and an epsilon, and a NaN in one sample."""
    batches = data()
    batches[BAD][0][3, 2] = torch.nan
    made = target(Dropped, batches=batches, kind=torch.optim.Adam)
    made["optimizer"].param_groups[0]["eps"] = 1e-12
    return made


@dataclass(frozen=True)
class Fault:
    """What is true of a target."""

    name: str
    cause: str
    phase: str | None = "forward"
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
        found = [number for number, line in enumerate(lines, 1) if line.endswith(f"  # {self.name}")]
        return found[-1] if found else None


FAULTS = [
    Fault("log", "faulty_loss", op="log", samples=(3,), cure="guard_op"),
    Fault("sqrt", "undefined_gradient", "backward", "sqrt", samples=(5,), cure="guard_op"),
    Fault("nan_input", "faulty_input", "input", tensor="input", samples=(3,), cure="drop_samples"),
    Fault("two_bad_samples", "faulty_input", "input", tensor="input", samples=(2, 6), cure="drop_samples"),
    Fault("label", "faulty_input", op="cross_entropy", tensor="label", samples=(5,), cure="drop_samples"),
    Fault("negative_label", "faulty_input", op="log", samples=(5,), cure="drop_samples"),
    Fault("rate", "lr_too_high", op="linear", module="head", step=3, cure="lr/1000", start=0),
    Fault("fp16", "fp16_overflow", op="linear", module="head", cure="float32"),
    Fault("absent_class", "division_by_zero_sparsity", op="div", cure="guard_op"),
    Fault("norm", "batchnorm_instability", op="div", module="norm", cure="eps"),
    Fault("rnn", "relu_rnn", op="rnn_relu", module="rnn", cure="tanh"),
    Fault("own_rnn", "relu_rnn", op="linear", module="around", cure="tanh"),
    Fault("mask", "division_by_zero_sparsity", op="softmax", samples=(4,), cure="guard_op"),
    Fault(
        "corrupt_weights",
        "bad_initialisation",
        "parameter",
        None,
        "hidden",
        "hidden.weight",
        step=START,
        cure="restore_weights",
    ),
    Fault(
        "corrupt_optimizer",
        "bad_initialisation",
        "optimizer_state",
        None,
        "head",
        "head.weight",
        step=START,
        cure="reset_optimizer",
    ),
    Fault("endless_rate", "bad_lr_policy", "update", module="hidden"),
    Fault("comes_and_goes", "software_bug", None),
]
HEALTHY = ["healthy", "healthy_dropout"]


def checkpoint_of(name: str, path: Path, start: int = START) -> Path:
    """Train the target for ``start`` steps and save its state, broken where the fault is in the checkpoint."""
    made = globals()[name]()
    for step in range(start):
        made["optimizer"].zero_grad()
        made["loss"](made["model"], made["batches"][step]).backward()
        made["optimizer"].step()
    weights, optimizer = made["model"].state_dict(), made["optimizer"].state_dict()
    if name == "corrupt_weights":
        weights["hidden.weight"][2, 3] = torch.nan
    if name == "corrupt_optimizer":
        optimizer["state"][2]["exp_avg"][1, 1] = torch.nan
    torch.save({"model": weights, "optimizer": optimizer, "step": start, "rng_state": torch.get_rng_state()}, path)
    return path
