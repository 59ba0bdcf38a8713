"""The loop that trains a task after a recipe and keeps what a program would log."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch

from simulated.task import Player, Task

__all__ = ["SCHEDULES", "Recipe", "Trained", "train"]

#: Factor of the rate as a function of the part of the training that is over (0..1).
SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": lambda _part: 1.0,
    "warmup_cosine": lambda part: part / 0.1 if part < 0.1 else 0.5 * (1 + math.cos(math.pi * (part - 0.1) / 0.9)),
    "warmup_linear": lambda part: part / 0.05 if part < 0.05 else (1 - part) / 0.95,
    "warmup_root": lambda part: min(part / 0.1, (0.1 / max(part, 1e-9)) ** 0.5),
    "cosine": lambda part: 0.5 * (1 + math.cos(math.pi * part)),
    "steps": lambda part: 0.1 ** int(3 * part),
    "exponential": lambda part: 0.01**part,
    "warm_restarts": lambda part: 0.5 * (1 + math.cos(math.pi * (4 * part % 1))),
    "one_cycle": lambda part: (
        0.04 + 0.96 * (part / 0.3 if part < 0.3 else 0.5 * (1 + math.cos(math.pi * (part - 0.3) / 0.7)))
    ),
    "triangles": lambda part: 0.1 + 0.9 * abs((6 * part) % 2 - 1),
}


@dataclass(frozen=True)
class Recipe:
    """How to train, and how often to log; ``averaged`` logs the mean since the last line, not the loss of that step."""

    steps: int
    every: int
    optimiser: str = "adam"
    rate: float = 1e-3
    schedule: str = "constant"
    clip: float | None = None
    averaged: bool = False
    killed: tuple[tuple[int, int], ...] = ()  #: (step at which the process dies, step of its last checkpoint)
    logs_rate: bool = True
    logs_norm: bool = False


@dataclass(frozen=True)
class Trained:
    """The rows that were logged, and how bad the model was before and after."""

    rows: list[dict[str, float]]
    before: float
    after: float

    @property
    def learnt(self) -> bool:
        return math.isfinite(self.after) and self.after < self.before


def _optimiser(player: Player, recipe: Recipe) -> torch.optim.Optimizer:
    makers: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "sgd": torch.optim.SGD,
        "momentum": lambda params, lr: torch.optim.SGD(params, lr=lr, momentum=0.9, nesterov=True),
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "adadelta": torch.optim.Adadelta,
        "rmsprop": torch.optim.RMSprop,
    }
    return makers[recipe.optimiser](player.params, lr=recipe.rate)


def _update(task: Task, optimisers: list[torch.optim.Optimizer], recipe: Recipe, step: int) -> dict[str, float]:
    """One step of every player; what it shows."""
    rate = recipe.rate * SCHEDULES[recipe.schedule](step / recipe.steps)
    seen: dict[str, float] = {}
    for player, optimiser in zip(task.players, optimisers, strict=True):
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        terms = player.terms(step)
        next(iter(terms.values())).backward()  # type: ignore[no-untyped-call]
        if recipe.clip is not None or recipe.logs_norm:
            norm = torch.nn.utils.clip_grad_norm_(player.params, recipe.clip or math.inf)
            if recipe.logs_norm:
                seen["grad_norm"] = float(norm)
        optimiser.step()
        seen |= {name: float(value.detach()) for name, value in terms.items()}
    return seen | ({"lr": rate} if recipe.logs_rate else {})


def train(task: Task, recipe: Recipe) -> Trained:
    """Train from the beginning to the end, through the deaths of the process that the recipe has."""
    optimisers = [_optimiser(player, recipe) for player in task.players]
    before = task.badness()
    rows: list[dict[str, float]] = []
    window: list[dict[str, float]] = []
    deaths, saved = dict(recipe.killed), {}
    step = 0
    while step < recipe.steps:
        if step in deaths.values() and step not in saved:
            saved[step] = deepcopy((task, [each.state_dict() for each in optimisers]))
        window.append(_update(task, optimisers, recipe, step))
        if (step + 1) % recipe.every == 0:
            rows.append({"step": step, **_row(window, recipe.averaged), **task.measured()})
            window = []
        step += 1
        if step in deaths:
            step = deaths.pop(step)
            task, states = deepcopy(saved[step])
            optimisers = [_optimiser(player, recipe) for player in task.players]
            for optimiser, state in zip(optimisers, states, strict=True):
                optimiser.load_state_dict(state)
            window = []
    return Trained(rows, before, task.badness())


def _row(window: list[dict[str, float]], averaged: bool) -> dict[str, float]:
    last = window[-1]
    if not averaged:
        return last
    return {
        name: value if name == "lr" else sum(seen[name] for seen in window) / len(window)
        for name, value in last.items()
    }
