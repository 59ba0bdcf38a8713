"""Trainings whose loss is no measure of success: policies, values that are bootstrapped, contrast with a queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from simulated.task import Player, mlp

__all__ = ["Bootstrapped", "Contrastive", "PolicyGradient"]


@dataclass
class PolicyGradient:
    """REINFORCE on a walk of ``length`` steps: each state has one right action, worth ``reward``."""

    states: int
    actions: int
    batch: int
    reward: float
    baseline: bool
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        self.net = mlp(self.states, 16, self.actions, activation=nn.Tanh)
        self.worth = torch.rand(self.states, self.actions) * self.reward
        self.mean_return = 0.0
        self.average = 0.0
        self.players = (Player(list(self.net.parameters()), self._terms),)

    def _terms(self, _step: int) -> Mapping[str, Tensor]:
        state = torch.randint(self.states, (self.batch,))
        policy = torch.distributions.Categorical(logits=self.net(functional.one_hot(state, self.states).float()))
        action = policy.sample()
        gained = self.worth[state, action]
        self.mean_return = float(gained.mean())
        advantage = gained - self.average if self.baseline else gained
        self.average += 0.05 * (self.mean_return - self.average)
        entropy = policy.entropy().mean()
        loss = -(policy.log_prob(action) * advantage).mean() - 0.01 * self.reward * entropy
        return {"loss": loss, "entropy": entropy}

    def badness(self) -> float:
        with torch.no_grad():
            chosen = self.net(torch.eye(self.states)).softmax(1)
        return -float((chosen * self.worth).sum(1).mean())

    def measured(self) -> Mapping[str, float]:
        return {"mean_reward": self.mean_return}


@dataclass
class Bootstrapped:
    """Values of the states of a chain, learnt from the values of their successors: the loss grows with the values."""

    states: int
    discount: float
    reward: float
    batch: int
    copied_every: int
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        self.net = mlp(self.states, 24, 1)
        self.target = deepcopy(self.net)
        self.gains = torch.rand(self.states) * self.reward
        successor = torch.arange(1, self.states + 1) % self.states
        matrix = torch.eye(self.states) - self.discount * torch.eye(self.states)[successor]
        self.true = torch.linalg.solve(matrix, self.gains)
        self.players = (Player(list(self.net.parameters()), self._terms),)

    def _terms(self, step: int) -> Mapping[str, Tensor]:
        if step % self.copied_every == 0:
            self.target.load_state_dict(self.net.state_dict())
        state = torch.randint(self.states, (self.batch,))
        here, there = torch.eye(self.states)[state], torch.eye(self.states)[(state + 1) % self.states]
        with torch.no_grad():
            wanted = self.gains[state] + self.discount * self.target(there)[:, 0]
        value = self.net(here)[:, 0]
        return {"loss": functional.mse_loss(value, wanted), "mean_value": value.mean()}

    def badness(self) -> float:
        with torch.no_grad():
            return float((self.net(torch.eye(self.states))[:, 0] - self.true).abs().mean())

    def measured(self) -> Mapping[str, float]:
        return {}


@dataclass
class Contrastive:
    """InfoNCE between two views, against a queue of earlier keys that fills up (its loss begins near 0 and rises)."""

    x: Tensor
    batch: int
    queue: int
    temperature: float
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        width = self.x.shape[1]
        self.query = mlp(width, 32, 16)
        self.key = deepcopy(self.query)
        self.keys = torch.empty(0, 16)
        self.players = (Player(list(self.query.parameters()), self._terms),)

    def _views(self, x: Tensor) -> tuple[Tensor, Tensor]:
        one, other = (x + 0.2 * torch.randn_like(x) for _ in range(2))
        with torch.no_grad():
            keys = functional.normalize(self.key(other), dim=1)
        return functional.normalize(self.query(one), dim=1), keys

    def _terms(self, _step: int) -> Mapping[str, Tensor]:
        for mine, its in zip(self.key.parameters(), self.query.parameters(), strict=True):
            mine.data.lerp_(its.data, 0.02)
        queries, keys = self._views(self.x[torch.randint(len(self.x), (self.batch,))])
        same = (queries * keys).sum(1, keepdim=True)
        logits = torch.cat([same, queries @ self.keys.T], dim=1) / self.temperature
        loss = functional.cross_entropy(logits, torch.zeros(len(queries), dtype=torch.long))
        self.keys = torch.cat([keys, self.keys])[: self.queue]
        return {"loss": loss}

    def badness(self) -> float:
        """Cross-entropy of finding the other view of each sample among all samples."""
        with torch.no_grad():
            queries, keys = self._views(self.x)
            logits = queries @ keys.T / self.temperature
        return float(functional.cross_entropy(logits, torch.arange(len(queries))))

    def measured(self) -> Mapping[str, float]:
        return {}
