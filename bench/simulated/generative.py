"""Models of data: autoencoders, variational and plain, and two kinds of adversaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from simulated.task import Player, mlp

__all__ = ["Adversaries", "Autoencoder", "Variational", "mixture"]


def mixture(count: int, width: int, modes: int = 4) -> Tensor:
    return 2 * torch.randn(modes, width)[torch.randint(modes, (count,))] + 0.3 * torch.randn(count, width)


def _some(x: Tensor, batch: int) -> Tensor:
    return x[torch.randint(len(x), (batch,))]


@dataclass
class Autoencoder:
    x: Tensor
    code: int
    batch: int
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        width = self.x.shape[1]
        self.net = mlp(width, 24, self.code, 24, width)
        self.players = (Player(list(self.net.parameters()), self._terms),)

    def _terms(self, _step: int) -> Mapping[str, Tensor]:
        x = _some(self.x, self.batch)
        return {"loss": functional.mse_loss(self.net(x), x)}

    def badness(self) -> float:
        with torch.no_grad():
            return float(functional.mse_loss(self.net(self.x), self.x))

    def measured(self) -> Mapping[str, float]:
        return {}


@dataclass
class Variational:
    """The weight of the divergence, ``weight(step)``, rises; the loss is summed over a batch, or its mean."""

    x: Tensor
    code: int
    batch: int
    weight: Callable[[int], float]
    summed: bool
    log_variance: float
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        width = self.x.shape[1]
        self.encoder, self.decoder = mlp(width, 32, 2 * self.code), mlp(self.code, 32, width)
        params = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.players = (Player(params, self._terms),)

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Negative log-likelihood under a normal of fixed variance, and divergence from the prior; for each sample."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        log_variance = log_variance.clamp(-8, 8)
        back = self.decoder(mean + torch.randn_like(mean) * (0.5 * log_variance).exp())
        off = (back - x) ** 2 / torch.tensor(self.log_variance).exp() + self.log_variance
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
        return 0.5 * off.sum(1), divergence

    def _terms(self, step: int) -> Mapping[str, Tensor]:
        likelihood, divergence = self._parts(_some(self.x, self.batch))
        size = self.batch if self.summed else 1
        recon, kl = size * likelihood.mean(), size * divergence.mean()
        return {"loss": recon + self.weight(step) * kl, "recon_loss": recon, "kl_loss": kl}

    def badness(self) -> float:
        """The whole bound, whatever the weight of its second part is at the time."""
        with torch.no_grad():
            likelihood, divergence = self._parts(self.x)
            return float((likelihood + divergence).mean())

    def measured(self) -> Mapping[str, float]:
        return {}


@dataclass
class Adversaries:
    """A generator and a discriminator (its loss is a cross-entropy) or a critic (Wasserstein, weights clipped)."""

    x: Tensor
    batch: int
    wasserstein: bool
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        width = self.x.shape[1]
        self.generator, self.judge = mlp(4, 24, width), mlp(width, 24, 1, activation=nn.Tanh)
        self.players = (
            Player(list(self.judge.parameters()), self._judged),
            Player(list(self.generator.parameters()), self._generated),
        )

    def _judged(self, _step: int) -> Mapping[str, Tensor]:
        real, made = _some(self.x, self.batch), self.generator(torch.randn(self.batch, 4)).detach()
        if self.wasserstein:
            with torch.no_grad():
                for weight in self.judge.parameters():
                    weight.clamp_(-0.3, 0.3)
            return {"loss_D": self.judge(made).mean() - self.judge(real).mean()}
        return {"loss_D": functional.softplus(self.judge(made)).mean() + functional.softplus(-self.judge(real)).mean()}

    def _generated(self, _step: int) -> Mapping[str, Tensor]:
        opinion = self.judge(self.generator(torch.randn(self.batch, 4)))
        return {"loss_G": -opinion.mean() if self.wasserstein else functional.softplus(-opinion).mean()}

    def badness(self) -> float:
        """Energy distance between the data and what is generated, always from the same noise."""
        noise = torch.randn(len(self.x), 4, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            made = self.generator(noise)
            between = torch.cdist(self.x, made).mean()
            return float(2 * between - torch.cdist(made, made).mean() - torch.cdist(self.x, self.x).mean())

    def measured(self) -> Mapping[str, float]:
        return {}
