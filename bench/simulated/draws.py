"""Random choices of data, nets and recipes."""

from __future__ import annotations

import math
from random import Random

from torch import nn

from simulated.supervised import CRITERIA, Data, Supervised, classes_of
from simulated.task import Task, mlp
from simulated.training import SCHEDULES, Recipe

__all__ = ["RATES", "Draw", "Made", "classifying", "regressing", "some_classes"]

#: Rates at which these small nets train well, as powers of ten.
RATES = {
    "sgd": (-2.0, -0.5),
    "momentum": (-2.7, -1.3),
    "adam": (-3.0, -1.7),
    "adamw": (-3.0, -1.7),
    "rmsprop": (-3.3, -2.3),
    "adadelta": (0.0, 0.0),
}


class Draw(Random):
    """Random choices that recipes need."""

    def decades(self, low: float, high: float) -> float:
        return float(10 ** self.uniform(low, high))

    def steps(self, low: int = 60, high: int = 700) -> int:
        return round(self.decades(math.log10(low), math.log10(high)))

    def recipe(self, steps: int | None = None) -> Recipe:
        steps = steps or self.steps()
        optimiser = self.choice(list(RATES))
        return Recipe(
            steps=steps,
            every=self.choice([max(1, steps // points) for points in (10, 20, 50, 100, 200)] + [1]),
            optimiser=optimiser,
            rate=self.decades(*RATES[optimiser]),
            schedule=self.choice(list(SCHEDULES)),
            clip=self.choice([None, None, 1.0, 5.0]),
            averaged=self.random() < 0.4,
            logs_rate=self.random() < 0.7,
            logs_norm=self.random() < 0.4,
        )

    def classifier(self, data: Data, classes: int) -> nn.Sequential:
        width = data.x.shape[1]
        return self.choice(
            [mlp(width, classes), mlp(width, 24, classes), mlp(width, 32, 16, classes, activation=nn.Tanh)]
        )

    def batch(self) -> int:
        return self.choice([4, 16, 64])


Made = tuple[Task, Recipe]


def some_classes(draw: Draw, **more: float) -> tuple[Data, int]:
    classes = draw.choice([2, 3, 10, 30])
    return classes_of(classes, draw.choice([4, 12]), 400, draw.uniform(0.3, 3), **more), classes


def classifying(draw: Draw, data: Data, classes: int, **more: object) -> Supervised:
    return Supervised(draw.classifier(data, classes), [data], CRITERIA["cross_entropy"][0], draw.batch(), **more)  # type: ignore[arg-type]


def regressing(draw: Draw, data: Data, criterion: str, batch: int | None = None, linear: bool = False) -> Supervised:
    compare, outputs = CRITERIA[criterion]
    width = data.x.shape[1]
    net = mlp(width, outputs) if linear else mlp(width, 24, outputs, activation=draw.choice([nn.ReLU, nn.Tanh]))
    return Supervised(net, [data], compare, batch or draw.batch())
