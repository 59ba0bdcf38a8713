"""tanh in place of relu inside recurrences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nanlog.replay.worker.recurrence import bounded, recurrent_relus
from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class BoundedRecurrence(Intervention):
    """What grows from one time step to the next only because nothing bounds it stays small."""

    name = "tanh"
    title = "tanh instead of relu in recurrences"
    causes = ("relu_rnn",)
    start = "window"
    lasting = True

    def applies(self, scene: Scene) -> str | None:
        return None if recurrent_relus(scene) else "no relu is inside a recurrence"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        where = recurrent_relus(scene)
        with bounded(scene.training.model, where):
            yield Change(f"tanh instead of relu in {', '.join(sorted(where)[:3]) or torch.nn.RNN.__name__}")


INTERVENTION = BoundedRecurrence()
