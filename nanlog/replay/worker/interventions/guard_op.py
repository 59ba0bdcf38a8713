"""The one operation that made the fault, kept away from where it is undefined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nanlog.replay.outcome import ReplayPhase
from nanlog.replay.worker.gradients import finite_gradients
from nanlog.replay.worker.guards import GUARDS, Guarded
from nanlog.replay.worker.modes import operator
from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class GuardedOperation(Intervention):
    """An epsilon where the probe saw the fault arise, and nowhere else.

    Where nothing is known of an operation whose gradient is at fault, that gradient is kept finite.
    """

    name = "guard_op"
    title = "an epsilon in the operation that made the fault"
    causes = ("faulty_loss", "undefined_gradient", "division_by_zero_sparsity", "batchnorm_instability")

    def applies(self, scene: Scene) -> str | None:
        if scene.first is None or scene.first.op is None:
            return "it is not known which operation made the fault"
        if operator(scene.first.op) in GUARDS or scene.first.phase is ReplayPhase.BACKWARD:
            return None
        return f"{scene.first.op} has no place where it is undefined"

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        first = scene.first
        assert first is not None and first.op is not None  # noqa: S101  for mypy: it was seen to before
        guard = GUARDS.get(operator(first.op))
        place = "" if first.file is None else f" at {first.file}:{first.line}"
        if guard is None:
            with finite_gradients(first.op, first.file, first.line):
                yield Change(f"0 for the gradient of {first.op} where it is not finite{place}")
            return
        with Guarded(first.op, first.file, first.line):
            yield Change(f"{guard.says}{place}")


INTERVENTION = GuardedOperation()
