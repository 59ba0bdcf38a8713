"""What the names in a bar or a table mean."""

from __future__ import annotations

from dataclasses import replace

from nanlog.model import SeriesInfo, Stage
from nanlog_parsers._names import Names

__all__ = ["Meanings"]

#: Keras 2 calls the learning rate ``lr``, Keras 3 ``learning_rate``; the messages spell it out.
_RATES = {"lr", "learning_rate"}


class Meanings:
    """The series of one source, each with one :class:`SeriesInfo`."""

    def __init__(self) -> None:
        self._names = Names()
        # whatever comes first in a log, these have the plain names; an evaluation is another set than the validation
        self._rate = self._names.info("learning_rate")
        self._names.info("val_loss")
        self._loss: SeriesInfo | None = None

    def claim(self, originals: list[str]) -> None:
        """Name these together, so that the best of them becomes ``loss``."""
        self._names.claim(name for name in originals if name not in _RATES)

    def measured(self, original: str) -> SeriesInfo:
        """As measured in training; for ``val_...`` on validation data."""
        if original in _RATES:
            return self._rate
        return self._names.info(original)

    def mean(self, original: str) -> SeriesInfo:
        """As the mean over an epoch, or over what there was of it."""
        info = self.measured(original)
        if info.stage in (Stage.EVALUATION_AFTER, Stage.LR) or info.smoothed:
            return info
        return replace(info, smoothed=True)

    def running_mean(self, original: str) -> SeriesInfo:
        """The mean of the loss beside its values."""
        return self._names.info(original, smoothed=True)

    def evaluated(self, original: str) -> SeriesInfo:
        """As ``evaluate`` measures it."""
        if original in _RATES or original.startswith("val_"):
            return self.measured(original)
        return self._names.info(original, split="test")

    def rate(self) -> SeriesInfo:
        return self._rate

    def loss_spoken_of(self) -> SeriesInfo:
        """The loss that a message means."""
        return self._loss or self._names.info("loss")

    def loss(self, original: str, *, is_mean: bool) -> SeriesInfo:
        """The loss of the training; whether it is a mean over epochs is settled by the first bar that shows it."""
        if self._loss is None:
            self._loss = self.mean(original) if is_mean else self.measured(original)
        return self._loss
