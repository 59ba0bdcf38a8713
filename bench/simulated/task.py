"""What a simulated training minimises, and how well it really does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from torch import Tensor, nn

__all__ = ["Player", "Task", "mlp"]


@dataclass(frozen=True)
class Player:
    """Parameters that follow one loss; ``terms`` of step k holds that loss first, then its parts."""

    params: Sequence[nn.Parameter]
    terms: Callable[[int], Mapping[str, Tensor]]


class Task(Protocol):
    """One player in most trainings, two in a game."""

    @property
    def players(self) -> Sequence[Player]: ...

    def badness(self) -> float:
        """How far the model is from its aim, measured with the whole data and without noise; never logged.

        A run is healthy when this is less at its end than it was at its beginning: that is known apart from the losses
        that are printed.
        """

    def measured(self) -> Mapping[str, float]:
        """What is logged beside the losses: accuracies, returns, losses of a validation."""


def mlp(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for one, other in pairwise(widths):
        layers += [nn.Linear(one, other), activation()]
    return nn.Sequential(*layers[:-1])
