"""Trainings whose loss is no measure of success: policies, bootstrapped values, contrast with a queue, own teachers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from simulated.supervised import Data
from simulated.task import Player, mlp

__all__ = ["Bootstrapped", "Contrastive", "GroupedPolicy", "PolicyGradient", "SelfDistilled"]


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
class GroupedPolicy(PolicyGradient):
    """Advantages are normalised, so that their part of the loss is 0 on average; what is seen is the penalty.

    The divergence from the policy at the beginning is 0 there and grows as the policy becomes better.
    """

    penalty: float = 0.04

    def __post_init__(self) -> None:
        super().__post_init__()
        self.reference = deepcopy(self.net)

    def _terms(self, _step: int) -> Mapping[str, Tensor]:
        state = functional.one_hot(torch.randint(self.states, (self.batch,)), self.states).float()
        policy = torch.distributions.Categorical(logits=self.net(state))
        action = policy.sample()
        gained = self.worth[state.argmax(1), action]
        self.mean_return = float(gained.mean())
        advantage = (gained - gained.mean()) / (gained.std() + 1e-4)
        ratio = (policy.log_prob(action) - policy.log_prob(action).detach()).exp()
        with torch.no_grad():
            before = torch.distributions.Categorical(logits=self.reference(state))
        kl = torch.distributions.kl_divergence(policy, before).mean()
        return {"loss": -(ratio * advantage).mean() + self.penalty * kl, "kl": kl}


@dataclass
class Bootstrapped:
    """Values of the states of a chain, learnt from the values of their successors: the loss grows with the values.

    With ``found_at`` there is one reward, in the last state, which is first reached at that step.
    """

    states: int
    discount: float
    reward: float
    batch: int
    copied_every: int
    found_at: int = 0
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        self.net = mlp(self.states, 24, 1)
        self.target = deepcopy(self.net)
        self.gains = torch.rand(self.states) * self.reward
        if self.found_at:
            self.gains[:-1] = 0
        successor = torch.arange(1, self.states + 1) % self.states
        matrix = torch.eye(self.states) - self.discount * torch.eye(self.states)[successor]
        self.true = torch.linalg.solve(matrix, self.gains)
        self.players = (Player(list(self.net.parameters()), self._terms),)

    def _terms(self, step: int) -> Mapping[str, Tensor]:
        if step % self.copied_every == 0:
            self.target.load_state_dict(self.net.state_dict())
        reached = min(self.states, 1 + self.states * step // self.found_at) if self.found_at else self.states
        state = torch.randint(reached, (self.batch,))
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


@dataclass
class SelfDistilled:
    """A student predicts what its own average, which begins as itself, makes of another view of the same sample."""

    data: Data
    batch: int
    decay: float
    players: Sequence[Player] = field(init=False)

    def __post_init__(self) -> None:
        self.classes = int(self.data.y.max()) + 1
        self.student = mlp(self.data.x.shape[1], 32, self.classes)
        self.teacher = deepcopy(self.student)
        self.players = (Player(list(self.student.parameters()), self._terms),)

    def _terms(self, step: int) -> Mapping[str, Tensor]:
        for mine, its in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            mine.data.lerp_(its.data, 1 - self.decay)
        rows = torch.randint(len(self.data.x), (self.batch,))
        x, labelled = self.data.x[rows], rows < len(self.data.x) // 4
        one, other = (x + 0.1 * torch.randn_like(x) for _ in range(2))
        with torch.no_grad():
            wanted = self.teacher(other).softmax(1)
        output = self.student(one)
        consistency = functional.mse_loss(output.softmax(1), wanted)
        supervised = functional.cross_entropy(output, self.data.y[rows], reduction="none")[labelled].sum() / self.batch
        weight = min(1.0, step / 200)
        return {"loss": supervised + 10 * weight * consistency, "consistency_loss": consistency}

    def badness(self) -> float:
        with torch.no_grad():
            return float(functional.cross_entropy(self.student(self.data.x), self.data.y))

    def measured(self) -> Mapping[str, float]:
        return {}
