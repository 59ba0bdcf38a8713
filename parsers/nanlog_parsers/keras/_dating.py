"""Messages and beginnings of epochs -> marks with steps, and the points that messages tell of.

Callbacks speak while the bar stands between two states: of a checkpoint it is known that it holds the state of some
batch after the last one shown, at most that of the next one shown, which is what counts here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nanlog.model import Mark, MarkKind, Phase

from ._epochs import Dated
from ._messages import Checked, Ended, Failed, Invalid, Message, Rate, Restored, Saved
from ._points import Points
from ._rows import Bars, IntArray, Shown
from ._series import Meanings

__all__ = ["Dates", "Said", "add_said", "marks_of"]


@dataclass(frozen=True, slots=True)
class Said:
    """A message and its place in the log."""

    order: int
    line: int
    message: Message


def marks_of(file: str, said: Sequence[Said], dates: Dates) -> Iterator[Mark]:
    """Yield the marks in the order of the log."""
    starts = [(order, Mark(MarkKind.START, file, line, step)) for order, line, step in dates.starts(said)]
    others = [(item.order, mark) for item in said if (mark := _mark(file, item, dates)) is not None]
    for _, mark in sorted(starts + others, key=lambda pair: pair[0]):
        yield mark


def add_said(
    points: Points, said: Sequence[Said], dates: Dates, shown: Shown, names: list[str], meanings: Meanings
) -> None:
    """Add the points that messages tell of: rates that are set, a loss that is not finite."""
    for item in said:
        match item.message:
            case Rate() as rate:
                points.add_one(meanings.rate(), item.order, dates.of_rate(item.order, rate), rate.value, item.line)
            case Invalid(batch, _):
                value = _next_loss(item.order, shown, names, meanings)
                step = dates.of_batch(item.order, batch)
                points.add_one(meanings.loss_spoken_of(), item.order, step, value, item.line)


def _mark(file: str, said: Said, dates: Dates) -> Mark | None:
    match said.message:
        case Invalid(batch, text):
            step = dates.of_batch(said.order, batch)
            return Mark(MarkKind.NONFINITE, file, said.line, step, text, phase=Phase.FORWARD)
        case Checked(text):
            return Mark(MarkKind.NONFINITE, file, said.line, None, text)
        case Saved(epoch, path):
            return Mark(MarkKind.CHECKPOINT, file, said.line, dates.of_save(said.order, epoch), path)
        case Restored(path):
            return Mark(MarkKind.RESUME, file, said.line, None, path)
        case Ended(text, interrupted):
            kind = MarkKind.STOPPED_EARLY if interrupted else MarkKind.END
            return Mark(kind, file, said.line, dates.last(said.order), text)
        case Failed(text):
            return Mark(MarkKind.EXCEPTION, file, said.line, None, text)
        case _:
            return None


class Dates:
    """Where in the training the places between the bars lie; ``last_step`` is that of the bars before these."""

    def __init__(self, bars: Bars, rows: Dated, last_step: int) -> None:
        kept = np.flatnonzero(rows.is_training)
        self._order: IntArray = bars.order[kept]
        self._epoch: IntArray = rows.epoch[kept]
        self._step: IntArray = rows.step[kept]
        self._bars = bars.order
        self._epochs = rows.epochs
        self._last_step = last_step

    def starts(self, said: Sequence[Said]) -> Iterator[tuple[int, int, int]]:
        """Order, line and step at which trainings begin: a header, or the rate that was set for it ahead of it."""
        orders = [item.order for item in said]
        for epoch in np.flatnonzero(self._epochs.is_start).tolist():
            order, line = int(self._epochs.begins[epoch]), int(self._epochs.line[epoch])
            ahead = said[bisect_left(orders, int(self._epochs.begins[epoch - 1])) : bisect_left(orders, order)]
            for item in ahead:
                if isinstance(item.message, Rate) and self.is_ahead_of(item.order, item.message, epoch):
                    order, line = item.order, item.line
                    break
            yield order, line, self._epochs.base(epoch) + 1

    def of_batch(self, order: int, batch: int) -> int:
        return self._epochs.base(self._epochs.at(order)) + batch + 1

    def of_rate(self, order: int, rate: Rate) -> int:
        """The first step with a rate.

        One set ahead of the first bar of an epoch is that of this epoch, whether or not its header comes first (the
        bar's own callback was the first of all in Keras 2.0 to 2.3); one set later is that of the next.
        """
        epoch = self._epochs.at(order)
        if self.is_ahead_of(order, rate, epoch + 1):
            return self._epochs.base(epoch + 1) + 1
        steps, number = int(self._epochs.steps[epoch]), int(self._epochs.number[epoch])
        if not steps:
            return max(rate.epoch, 1)
        begun = self._before(order) is not None or epoch == 0
        return (number if begun else max(number - 1, 0)) * steps + 1

    def is_ahead_of(self, order: int, rate: Rate, epoch: int) -> bool:
        """Whether a rate was set for an epoch whose header follows, with no bar in between."""
        if not rate.at_begin or epoch >= len(self._epochs) or self._epochs.at(order) != epoch - 1:
            return False
        header = int(self._epochs.begins[epoch])
        followed = int(np.searchsorted(self._bars, order)) < int(np.searchsorted(self._bars, header))
        is_inside = self._before(order) is None and epoch > 1  # ahead of the bars of its own epoch
        return not followed and not is_inside

    def of_save(self, order: int, printed: int) -> int | None:
        epoch = self._epochs.at(order)
        at = int(np.searchsorted(self._order, order))
        if at < len(self._order) and self._epoch[at] == epoch:
            return int(self._step[at])
        before = self._before(order)
        if before is not None:
            return before
        steps, number = int(self._epochs.steps[epoch]), int(self._epochs.number[epoch])
        if epoch == 0 and self._last_step:
            return self._last_step
        return number * steps if number and steps else printed or None

    def last(self, order: int) -> int | None:
        at = int(np.searchsorted(self._order, order))
        return int(self._step[at - 1]) if at else self._last_step or None

    def _before(self, order: int) -> int | None:
        """The step of the last bar of the same epoch ahead of a place."""
        at = int(np.searchsorted(self._order, order)) - 1
        return int(self._step[at]) if at >= 0 and self._epoch[at] == self._epochs.at(order) else None


def _next_loss(order: int, shown: Shown, names: list[str], meanings: Meanings) -> float:
    """What the next bar shows, if that is not finite either: a message does not say whether the loss is NaN."""
    at = int(np.searchsorted(shown.order, order))
    for code, value in zip(shown.code[at : at + 50].tolist(), shown.value[at : at + 50].tolist(), strict=True):
        if meanings.measured(names[code]).name == "loss":
            return float("nan") if np.isfinite(value) else float(value)
    return float("nan")
