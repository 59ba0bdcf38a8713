"""What a log states: by its bars, its headers and its messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nanlog.model import Fact, FactValue

from ._dating import Said
from ._epochs import Dated
from ._messages import Stated
from ._rows import COLOURED, Bars, Headers

__all__ = ["Statements"]


class Statements:
    """The facts of one file; one that is stated again is not repeated."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._last: dict[str, FactValue] = {}

    def facts(self, bars: Bars, headers: Headers, said: Sequence[Said], rows: Dated) -> Iterator[Fact]:
        found = [*_of_bars(bars, rows), *_of_headers(headers)]
        found += [
            (item.order, item.line, item.message.key, item.message.value)
            for item in said
            if isinstance(item.message, Stated)
        ]
        found.sort(key=lambda fact: fact[0])
        for _, line, key, value in found:
            if self._last.get(key) != value:
                self._last[key] = value
                yield Fact(key, value, self._file, line)


def _of_bars(bars: Bars, rows: Dated) -> Iterator[tuple[int, int, str, FactValue]]:
    if not len(bars):
        return
    order, line = bars.order.tolist(), bars.line.tolist()
    yield order[0], line[0], "framework", "keras"
    coloured = int(np.argmax(bars.kind == COLOURED))
    if bars.kind[coloured] == COLOURED:
        yield order[coloured], line[coloured], "framework_version", "3"
    trained = np.flatnonzero(rows.is_training)
    steps = rows.epochs.steps[rows.epoch[trained]]
    for index in np.flatnonzero(np.diff(steps, prepend=0)).tolist():
        row = int(trained[index])
        yield order[row], line[row], "steps_per_epoch", int(steps[index])


def _of_headers(headers: Headers) -> Iterator[tuple[int, int, str, FactValue]]:
    for index in np.flatnonzero(np.diff(headers.epochs, prepend=0)).tolist():
        order, line = int(headers.order[index]), int(headers.line[index])
        yield order, line, "framework", "keras"
        yield order, line, "trainer.max_epochs", int(headers.epochs[index])
