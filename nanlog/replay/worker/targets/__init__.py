"""One module per framework: how a user's training is made, loaded and stepped.

A module here ends in ``TARGET``.  The first one that takes what the user's target gave opens it; plain torch is asked
last, since it takes any dictionary.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Protocol, cast

from nanlog.replay.plan import Plan
from nanlog.replay.worker.faults import TargetError
from nanlog.replay.worker.training import Loaded, Training

__all__ = ["Target", "open_training"]


class Target(Protocol):
    """A framework as a kind of target."""

    def takes(self, made: Any, checkpoint: str) -> bool:
        """Whether this is a training of ours; ``made`` is None when no target was named.

        Must be cheap: no framework is imported only to say no.
        """

    def open(self, made: Any, plan: Plan) -> tuple[Training, Loaded]:
        """Make the training and restore the checkpoint into it.

        Raises ``TargetError`` and ``UnreadableError`` with a sentence.
        """


def open_training(made: Any, plan: Plan) -> tuple[Training, Loaded]:
    """Give the target to the framework that knows it."""
    for target in _targets():
        if target.takes(made, plan.checkpoint):
            return target.open(made, plan)
    if made is None and plan.target is None:
        raise TargetError(
            f"a checkpoint alone ({plan.checkpoint}) does not say which model, loss and data it belongs to; add"
            " --target FILE.py, a file with a function target() of ten lines, or --target FILE.py:MODULE,DATAMODULE for"
            " Lightning: see docs/replay.md"
        )
    raise TargetError(
        f"the target gave a {type(made).__name__}; it must return a dictionary with 'model', 'optimizer', 'loss' and"
        " 'batches': see docs/replay.md"
    )


def _targets() -> Iterator[Target]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    for name in sorted(names, key=lambda name: name == "plain_torch"):
        target = getattr(import_module(f"{__name__}.{name}"), "TARGET", None)
        if target is not None:
            yield cast(Target, target)
