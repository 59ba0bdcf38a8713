"""Denoising, language, several tasks at once, and returns that are themselves the loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from simulated.task import Player, mlp

__all__ = ["Denoiser", "Language", "ReturnAsLoss", "SeveralTasks"]


@dataclass
class Denoiser:
    """Diffusion: the noise of a random level is to be told from noisy data, in some unit of the answer."""

    x: Tensor
    batch: int
    unit: float
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        width = self.x.shape[1]
        self.net = mlp(width + 1, 48, 48, width, activation=nn.SiLU)
        self.players = (Player(list(self.net.parameters()), self._terms),)

    def _loss(self, x: Tensor) -> Tensor:
        level = torch.rand(len(x), 1)
        noise = torch.randn_like(x)
        noisy = torch.cos(level * math.pi / 2) * x + torch.sin(level * math.pi / 2) * noise
        return functional.mse_loss(self.unit * self.net(torch.cat((noisy, level), 1)), self.unit * noise)

    def _terms(self, _step: int) -> Mapping[str, Tensor]:
        return {"loss": self._loss(self.x[torch.randint(len(self.x), (self.batch,))])}

    def badness(self) -> float:
        state = torch.get_rng_state()
        torch.manual_seed(0)
        with torch.no_grad():
            found = float(self._loss(self.x.repeat(8, 1)))
        torch.set_rng_state(state)
        return found

    def measured(self) -> Mapping[str, float]:
        return {}


@dataclass
class Language:
    """The next letter of a chain of letters; its perplexity is infinite in print where the loss is large."""

    letters: int
    batch: int
    spread: float
    smoothing: float
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        chain = torch.distributions.Dirichlet(torch.full((self.letters,), 0.3)).sample((self.letters,))
        text = [0]
        for _ in range(3000):
            text.append(int(torch.multinomial(chain[text[-1]], 1)))
        self.text = torch.tensor(text)
        self.net = nn.Sequential(nn.Embedding(self.letters, 16), nn.Linear(16, self.letters))
        with torch.no_grad():
            for weight in self.net.parameters():
                weight.mul_(self.spread)
        self.players = (Player(list(self.net.parameters()), self._terms),)

    def _loss(self, at: Tensor, smoothing: float = 0.0) -> Tensor:
        return functional.cross_entropy(self.net(self.text[at]), self.text[at + 1], label_smoothing=smoothing)

    def _terms(self, _step: int) -> Mapping[str, Tensor]:
        return {"loss": self._loss(torch.randint(len(self.text) - 1, (self.batch,)), self.smoothing)}

    def badness(self) -> float:
        with torch.no_grad():
            return float(self._loss(torch.arange(len(self.text) - 1)))

    def measured(self) -> Mapping[str, float]:
        loss = self.badness()
        return {"perplexity": math.exp(loss) if loss < 700 else math.inf, "val_loss": loss}


@dataclass
class SeveralTasks:
    """One net, and answers whose units lie decades apart; the loss is their sum."""

    x: Tensor
    y: Tensor
    units: Tensor
    batch: int
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        self.net = mlp(self.x.shape[1], 32, self.y.shape[1], activation=nn.Tanh)
        self.players = (Player(list(self.net.parameters()), self._terms),)

    def _parts(self, rows: Tensor | slice) -> Tensor:
        return ((self.net(self.x[rows]) - self.y[rows]) ** 2).mean(0) * self.units

    def _terms(self, _step: int) -> Mapping[str, Tensor]:
        parts = self._parts(torch.randint(len(self.x), (self.batch,)))
        return {"loss": parts.sum(), **{f"loss_{place}": part for place, part in enumerate(parts)}}

    def badness(self) -> float:
        with torch.no_grad():
            return float(self._parts(slice(None)).sum())

    def measured(self) -> Mapping[str, float]:
        return {}


@dataclass
class ReturnAsLoss:
    """What is minimised is minus a return, from about 0 down to minus its unit, with rare large losses on the way."""

    width: int
    unit: float
    batch: int
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = torch.randn(self.width)
        self.net = mlp(self.width, 16, 1, activation=nn.Tanh)
        self.players = (Player(list(self.net.parameters()), self._terms),)

    def _return(self, x: Tensor) -> Tensor:
        return self.unit * (torch.tanh(self.net(x)[:, 0]) * torch.tanh(x @ self.wanted)).mean()

    def _terms(self, _step: int) -> Mapping[str, Tensor]:
        return {"loss": -self._return(torch.randn(self.batch, self.width))}

    def badness(self) -> float:
        state = torch.get_rng_state()
        torch.manual_seed(0)
        with torch.no_grad():
            found = -float(self._return(torch.randn(2000, self.width)))
        torch.set_rng_state(state)
        return found

    def measured(self) -> Mapping[str, float]:
        return {"reward": -self.badness()}
