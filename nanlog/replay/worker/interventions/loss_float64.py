"""The loss alone in 64 bit, on the same outputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nanlog.replay.worker.losses import outputs_in_float64
from nanlog.replay.worker.scene import Change, Scene

from . import Intervention

__all__ = ["INTERVENTION"]


class LossFloat64(Intervention):
    """A formula that loses its digits in 32 bit is mended by it; a log of 0 is not."""

    name = "loss_float64"
    title = "the loss in float64 on the same outputs"
    causes = ("faulty_loss",)

    def applies(self, scene: Scene) -> str | None:
        if scene.training.framework == "keras":
            return "a loss of Keras turns what the model returns back to 32 bit"
        return "this device has no float64" if scene.training.device.type == "mps" else None

    @contextmanager
    def change(self, scene: Scene) -> Iterator[Change]:
        with outputs_in_float64():
            yield Change("the outputs of the model turned to float64 before the loss")


INTERVENTION = LossFloat64()
