"""The log of a training: states of the screen in, blocks of dated points, marks and facts out."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

import numpy as np

from nanlog.model import Block, Unread
from nanlog_parsers._states import States

from ._columns import read_columns
from ._dating import Dates, Said, add_said, marks_of
from ._epochs import Dated, Progress, dated
from ._facts import Statements
from ._means import Undoing
from ._messages import Remarks
from ._names import NameTable
from ._points import points_of
from ._rows import MOST_IN_A_STATE, Bars, Headers, Shown
from ._series import Meanings
from ._single import Bar, Header, Misread, read_state

__all__ = ["TrainingLog"]

#: An epoch is judged as a whole, unless it has more states than this.
_MOST_WAITING = 200_000


@dataclass(slots=True)
class _Read:
    """What was read and not yet put out."""

    bars: Bars = field(default_factory=lambda: Bars.of([]))
    shown: Shown = field(default_factory=lambda: Shown.of([]))
    headers: Headers = field(default_factory=lambda: Headers.of([]))
    said: list[Said] = field(default_factory=list)

    def __add__(self, other: _Read) -> _Read:
        return _Read(
            self.bars + other.bars, self.shown + other.shown, self.headers + other.headers, self.said + other.said
        )

    def last_begin(self) -> int:
        """Where the last epoch begins: with its header, or with what was said between it and the bars before."""
        if not len(self.headers):
            return 0
        header = int(self.headers.order[-1])
        before = int(np.searchsorted(self.bars.order, header))
        last = int(self.bars.order[before - 1]) if before else -1
        if len(self.headers) > 1 and last < self.headers.order[-2]:
            return header
        return next((said.order for said in self.said if last < said.order < header), header)

    def divided(self, order: int) -> tuple[_Read, _Read]:
        """What comes before a place in the log, and the rest."""
        bar, value, header = (int(np.searchsorted(rows.order, order)) for rows in (self.bars, self.shown, self.headers))
        before = [said for said in self.said if said.order < order]
        return (
            _Read(self.bars[:bar], self.shown[:value], self.headers[:header], before),
            _Read(self.bars[bar:], self.shown[value:], self.headers[header:], self.said[len(before) :]),
        )


class TrainingLog:
    """Reads one file; ``steps_per_epoch`` is known once an epoch was read (0 before)."""

    def __init__(self, file: str, meanings: Meanings, *, by_columns: bool = True) -> None:
        self._file = file
        self._meanings = meanings
        self._by_columns = by_columns
        self._names = NameTable()
        self._claimed: set[int] = set()
        self._remarks = Remarks()
        self._undoing = Undoing()
        self._states = 0
        self._waiting = _Read()
        self._statements = Statements(file)
        self._unread: list[Unread] = []
        self._progress = Progress()
        self._last_step = 0

    @property
    def steps_per_epoch(self) -> int:
        return self._progress.steps

    def read(self, states: States) -> Block:
        """Read a stretch of the file; what belongs to an epoch that goes on is put out later."""
        self._waiting = self._waiting + self._read(states)
        if len(self._waiting.bars) > _MOST_WAITING:
            ready, self._waiting = self._waiting, _Read()
        else:
            ready, self._waiting = self._waiting.divided(self._waiting.last_begin())
        return self._block(ready)

    def finish(self) -> Block:
        """Put out the rest."""
        ready, self._waiting = self._waiting, _Read()
        return self._block(ready)

    def _read(self, states: States) -> _Read:
        if self._by_columns:
            columns = read_columns(states, self._states, self._names)
            left, found = columns.left, _Read(columns.bars, columns.shown, columns.headers)
        else:
            left, found = np.arange(len(states)), _Read()
        single = self._read_single(states, left.tolist())
        self._states += len(states)
        return _in_order(found + single) if len(single.bars) or len(single.headers) else found + single

    def _read_single(self, states: States, left: list[int]) -> _Read:
        bars: list[tuple[int, int, int, int, int]] = []
        shown: list[tuple[int, int, float]] = []
        headers: list[tuple[int, int, int, int]] = []
        said: list[Said] = []
        whole = len(states.text.rstrip(b" \t"))
        for index in left:
            start, end, line = int(states.start[index]), int(states.end[index]), int(states.line[index])
            text = states.text[start:end].decode("utf-8", "replace")
            order = (self._states + index) * MOST_IN_A_STATE
            for item in read_state(text, is_cut=end == whole):
                if isinstance(item, Bar):
                    values = [(self._names.code(name), value) for name, value in item.values]
                    if values:
                        bars.append((order, line, item.seen, item.target, item.kind))
                        shown += [(order, code, value) for code, value in values if code >= 0]
                elif isinstance(item, Header):
                    headers.append((order, line, item.epoch, item.epochs))
                elif isinstance(item, Misread):
                    self._unread.append(Unread(self._file, line, text, item.why))
                else:
                    said += [Said(order, line, message) for message in self._remarks.read(item.text)]
                order += 1
        return _Read(Bars.of(bars), Shown.of(shown), Headers.of(headers), said)

    def _block(self, ready: _Read) -> Block:
        following = self._waiting.headers.epoch[:1].tolist()
        rows = dated(ready.bars, ready.headers, self._progress, *following)
        self._claim(ready, rows)
        names = self._names.names
        points = points_of(ready.bars, ready.shown, rows, names, self._meanings, self._undoing, self._last_step)
        dates = Dates(ready.bars, rows, self._last_step)
        add_said(points, ready.said, dates, ready.shown, names, self._meanings)
        marks = tuple(marks_of(self._file, ready.said, dates))
        facts = tuple(self._statements.facts(ready.bars, ready.headers, ready.said, rows))
        trained = rows.step[rows.is_training]
        self._last_step = int(trained[-1]) if len(trained) else self._last_step
        self._progress = rows.progress
        code, step, value, line = points.columns()
        unread, self._unread = tuple(self._unread), []
        return Block(self._file, tuple(points.series), code, step, value, line, None, facts, marks, unread)

    def _claim(self, ready: _Read, rows: Dated) -> None:
        """Name what an epoch shows for the first time, all of it together, epoch by epoch."""
        if len(self._claimed) == len(self._names.names):
            return
        codes, first = np.unique(ready.shown.code, return_index=True)
        epoch = rows.epoch[np.searchsorted(ready.bars.order, ready.shown.order[first])]
        names = self._names.names
        for _, together in groupby(sorted(zip(epoch.tolist(), codes.tolist(), strict=True)), key=itemgetter(0)):
            new = {code for _, code in together} - self._claimed
            self._meanings.claim(sorted(names[code] for code in new))
            self._claimed |= new


def _in_order(read: _Read) -> _Read:
    bars = np.argsort(read.bars.order, kind="stable")
    shown = np.argsort(read.shown.order, kind="stable")
    headers = np.argsort(read.headers.order, kind="stable")
    return _Read(read.bars[bars], read.shown[shown], read.headers[headers], read.said)
