"""Collects the points, series and remarks of one file and hands them out as blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, Block, Fact, IntArray, Mark, SeriesInfo, Unread

from ._columns import Rows
from ._dating import Dated
from ._heads import Head
from ._series import DebugSeries

__all__ = ["Points"]

#: A log with more series than this is no training; those beyond are not read.
MAX_SERIES = 200_000
_UNKNOWN = -1
_LEFT_OUT = -2
_LONGEST_TEXT = 200


class Points:
    """Rows of the block that comes next, and the vocabulary of all blocks of the file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.marks: list[Mark] = []
        self.facts: list[Fact] = []
        self._unread: list[Unread] = []
        self._series: list[SeriesInfo] = []
        self._codes: dict[SeriesInfo, int] = {}
        self._rows: list[int] = []
        self._values: list[float] = []
        self._debug: list[Rows] = []
        self._debug_steps: list[IntArray] = []
        self._of_heads = np.empty((0, 0), np.int64)

    def code(self, series: SeriesInfo) -> int:
        """The number under which points of a series are added; negative when there are too many series."""
        code = self._codes.get(series)
        if code is None:
            if len(self._series) >= MAX_SERIES:
                return _LEFT_OUT
            code = self._codes[series] = len(self._series)
            self._series.append(series)
        return code

    def add(self, code: int, step: int | None, value: float, line: int) -> None:
        if code < 0:
            self.unread(line, "", f"more than {MAX_SERIES} different series")
            return
        self._rows += (line, code, NO_STEP if step is None else step)
        self._values.append(value)

    def unread(self, line: int, text: str, why: str) -> None:
        self._unread.append(Unread(self.file, line, text[:_LONGEST_TEXT], why))

    def forget_heads(self) -> None:
        """A new training may have another net under the same names."""
        self._of_heads = np.empty((0, 0), np.int64)

    def add_debug(self, dated: Dated, heads: list[Head], names: DebugSeries) -> None:
        """Append values of debug_info; a head met for the first time is named by ``names``."""
        if not len(dated.rows):
            return
        self._make_room(int(dated.net.max()) + 1, len(heads))
        code = self._of_heads[dated.net, dated.rows.code]
        new = np.flatnonzero(code == _UNKNOWN)
        if len(new):
            pairs = dated.net[new] * len(heads) + dated.rows.code[new]
            _, first = np.unique(pairs, return_index=True)
            for row in new[np.sort(first)].tolist():
                net, head = int(dated.net[row]), int(dated.rows.code[row])
                info = names.info(net, heads[head])
                self._of_heads[net, head] = _LEFT_OUT if info is None else self.code(info)
            code = self._of_heads[dated.net, dated.rows.code]
        kept = slice(None) if code.min() >= 0 else np.flatnonzero(code >= 0)
        self._debug.append(Rows(dated.rows.line[kept], code[kept], dated.rows.value[kept]))
        self._debug_steps.append(dated.step[kept])

    def block(self) -> Block:
        """What was added since the last block, in the order of the log."""
        line, code, step, value = self._columns()
        block = Block(
            self.file,
            tuple(self._series),
            code,
            step,
            value,
            line,
            facts=tuple(self.facts),
            marks=tuple(self.marks),
            unread=tuple(self._unread),
        )
        self.facts, self.marks, self._unread = [], [], []
        self._rows, self._values, self._debug, self._debug_steps = [], [], [], []
        return block

    def _columns(self) -> tuple[IntArray, IntArray, IntArray, NDArray[np.float64]]:
        single = np.array(self._rows, np.int64).reshape(-1, 3)
        line = np.concatenate([single[:, 0], *(rows.line for rows in self._debug)])
        code = np.concatenate([single[:, 1], *(rows.code for rows in self._debug)])
        step = np.concatenate([single[:, 2], *self._debug_steps])
        value = np.concatenate([np.array(self._values, np.float64), *(rows.value for rows in self._debug)])
        order = np.argsort(line, kind="stable")
        return line[order], code[order], step[order], value[order]

    def _make_room(self, nets: int, heads: int) -> None:
        have_nets, have_heads = self._of_heads.shape
        if nets <= have_nets and heads <= have_heads:
            return
        grown = np.full((max(nets, have_nets), max(2 * heads, have_heads)), _UNKNOWN, np.int64)
        grown[:have_nets, :have_heads] = self._of_heads
        self._of_heads = grown
