"""Messages and beginnings of epochs -> marks with steps, and the points that messages tell of.

Callbacks speak while the bar stands between two states: of a checkpoint it is known that it holds the state of some
batch after the last one shown, at most that of the next one shown, which is what counts here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nanlog.model import Mark, MarkKind, Phase

from ._epochs import Dated
from ._messages import Checked, Ended, Failed, Invalid, Message, Rate, Restored, Saved
from ._names import NameTable
from ._points import Points
from ._rows import Bars, IntArray, Shown
from ._series import Meanings

__all__ = ["Said", "marks_of"]


@dataclass(frozen=True, slots=True)
class Said:
    """A message and its place in the log."""

    order: int
    line: int
    message: Message


def marks_of(
    file: str,
    said: Sequence[Said],
    bars: Bars,
    shown: Shown,
    rows: Dated,
    names: NameTable,
    meanings: Meanings,
    points: Points,
) -> Iterator[Mark]:
    """Yield the marks in the order of the log; points that messages tell of are added to ``points``."""
    dates = _Dates(bars, rows)
    starts = [
        (order, Mark(MarkKind.START, file, line, rows.epochs.base(epoch) + 1))
        for epoch in np.flatnonzero(rows.epochs.is_start).tolist()
        for order, line in (_begin(rows, epoch, said, dates),)
    ]
    others = [(item.order, mark) for item in said if (mark := _mark(file, item, dates)) is not None]
    for item in said:
        if isinstance(item.message, Rate):
            step = dates.of_rate(item.order, item.message)
            points.add_one(meanings.rate(), item.order, step, item.message.value, item.line)
        elif isinstance(item.message, Invalid):
            value = _next_loss(item.order, shown, names, meanings)
            points.add_one(
                meanings.loss(), item.order, dates.of_batch(item.order, item.message.batch), value, item.line
            )
    for _, mark in sorted(starts + others, key=lambda pair: pair[0]):
        yield mark


def _begin(rows: Dated, epoch: int, said: Sequence[Said], dates: _Dates) -> tuple[int, int]:
    """Order and line at which an epoch begins: its header, or the rate that was set for it ahead of the header."""
    order, line = int(rows.epochs.begins[epoch]), int(rows.epochs.line[epoch])
    for item in said:
        if item.order < order and isinstance(item.message, Rate) and dates.is_ahead_of(item.order, item.message, epoch):
            return item.order, item.line
    return order, line


def _mark(file: str, said: Said, dates: _Dates) -> Mark | None:
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


class _Dates:
    """Where in the training the places between the bars lie."""

    def __init__(self, bars: Bars, rows: Dated) -> None:
        kept = np.flatnonzero(rows.is_training)
        self._order: IntArray = bars.order[kept]
        self._epoch: IntArray = rows.epoch[kept]
        self._step: IntArray = rows.step[kept]
        self._epochs = rows.epochs

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
        followed = int(np.searchsorted(self._order, order)) < int(np.searchsorted(self._order, header))
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
        return number * steps if number and steps else printed or None

    def last(self, order: int) -> int | None:
        at = int(np.searchsorted(self._order, order))
        return int(self._step[at - 1]) if at else None

    def _before(self, order: int) -> int | None:
        """The step of the last bar of the same epoch ahead of a place."""
        at = int(np.searchsorted(self._order, order)) - 1
        return int(self._step[at]) if at >= 0 and self._epoch[at] == self._epochs.at(order) else None


def _next_loss(order: int, shown: Shown, names: NameTable, meanings: Meanings) -> float:
    """What the next bar shows, if that is not finite either: a message does not say whether the loss is NaN."""
    at = int(np.searchsorted(shown.order, order))
    for code, value in zip(shown.code[at : at + 50].tolist(), shown.value[at : at + 50].tolist(), strict=True):
        if meanings.measured(names.names[code]).name == "loss":
            return float("nan") if np.isfinite(value) else float(value)
    return float("nan")
