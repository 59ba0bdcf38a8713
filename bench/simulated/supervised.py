"""Classification and regression, with whatever happens to their batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from simulated.task import Player, mlp

__all__ = ["CRITERIA", "Data", "Recurrent", "Supervised", "classes_of", "targets_of"]

Criterion = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Data:
    """Samples to learn from and samples held out."""

    x: Tensor
    y: Tensor
    held_x: Tensor
    held_y: Tensor

    @classmethod
    def split(cls, x: Tensor, y: Tensor) -> Data:
        at = max(2, 3 * len(x) // 4)
        return cls(x[:at], y[:at], x[at:], y[at:])


def classes_of(classes: int, width: int, count: int, spread: float = 1.0, noise: float = 0.0) -> Data:
    """Gaussian clouds, one for each class; a share ``noise`` of the labels is wrong."""
    y = torch.randint(classes, (count,))
    x = torch.randn(classes, width)[y] * 1.5 + spread * torch.randn(count, width)
    wrong = torch.rand(count) < noise
    return Data.split(x, torch.where(wrong, torch.randint(classes, (count,)), y))


def targets_of(width: int, count: int, unit: float = 1.0, noise: float = 0.1, tail: float = 0.0) -> Data:
    """Answers of a random net in some ``unit``; the noise is normal, or of Student's t where ``tail`` is its degree."""
    teacher = mlp(width, 16, 1, activation=nn.Tanh)
    x = torch.randn(count, width)
    scatter = torch.distributions.StudentT(tail).sample((count, 1)) if tail else torch.randn(count, 1)
    with torch.no_grad():
        return Data.split(x, unit * (3 * teacher(x) + noise * scatter))


def _nll(output: Tensor, y: Tensor) -> Tensor:
    mean, log_variance = output[:, :1], output[:, 1:].clamp(-12, 12)
    return (0.5 * (log_variance + (y - mean) ** 2 / log_variance.exp() + math.log(2 * math.pi))).mean()


def _pinball(output: Tensor, y: Tensor) -> Tensor:
    share = torch.tensor([0.1, 0.5, 0.9])
    off = y - output
    return torch.maximum(share * off, (share - 1) * off).mean()


#: How outputs are compared with answers, and how many outputs a regression needs for that.
CRITERIA: Mapping[str, tuple[Criterion, int]] = {
    "cross_entropy": (functional.cross_entropy, 0),
    "hinge": (functional.multi_margin_loss, 0),
    "mse": (functional.mse_loss, 1),
    "mse_sum": (lambda output, y: functional.mse_loss(output, y, reduction="sum"), 1),
    "mae": (functional.l1_loss, 1),
    "huber": (functional.smooth_l1_loss, 1),
    "nll": (_nll, 2),
    "quantile": (_pinball, 3),
}


def _as_they_are(_step: int, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return x, y


@dataclass
class Supervised:
    """Batches of ``batch`` samples; ``stages`` are data that follow one another, each for ``stage_steps`` steps.

    The loss of a batch is multiplied by ``weight``.
    """

    net: nn.Module
    stages: Sequence[Data]
    criterion: Criterion
    batch: int
    stage_steps: int = 10**9
    bend: Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]] = _as_they_are
    validates: bool = False
    weight: float = 1.0
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        self.players = (Player(list(self.net.parameters()), self._terms),)
        self._stage = self.stages[0]

    def _terms(self, step: int) -> Mapping[str, Tensor]:
        self._stage = data = self.stages[min(step // self.stage_steps, len(self.stages) - 1)]
        rows = torch.randint(len(data.x), (self.batch,)) if self.batch < len(data.x) else slice(None)
        x, y = self.bend(step, data.x[rows], data.y[rows])
        return {"loss": self.weight * self.criterion(self.net(x), y)}

    def badness(self) -> float:
        data = self.stages[-1]
        with torch.no_grad():
            return float(self.criterion(self.net(data.x), data.y))

    def measured(self) -> Mapping[str, float]:
        data = self._stage
        with torch.no_grad():
            output, held = self.net(data.x[:200]), self.net(data.held_x)
        found = {}
        if not data.y.is_floating_point():
            found["accuracy"] = float((output.argmax(1) == data.y[:200]).float().mean())
        if self.validates:
            found["val_loss"] = float(self.criterion(held, data.held_y))
            if not data.y.is_floating_point():
                found["val_accuracy"] = float((held.argmax(1) == data.held_y).float().mean())
        return found


class Recurrent(nn.Module):
    """A GRU over the columns of its input, taken for a series in time."""

    def __init__(self, hidden: int, outputs: int) -> None:
        super().__init__()
        self.cell = nn.GRU(1, hidden, batch_first=True)
        self.last = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.cell(x[:, :, None])
        return self.last(states[:, -1])
