"""Collects what a log says besides its numbers: marks and facts, dated by the rows around them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, Block, Fact, Mark, MarkKind, Phase

from ._dating import Dates, Dating
from ._facts import settings
from ._lex import Lexed
from ._messages import Said, Traceback, is_message, said

__all__ = ["Remarks"]

_MOST_FACTS = 5000
#: A log that says the same thing on every line says it often enough.
_MOST_MARKS = 100_000
_LONGEST = 4000
#: The update that such a message tells of was under way when it was printed.
_UNDER_WAY = {MarkKind.NONFINITE, MarkKind.SKIPPED_STEP, MarkKind.EXCEPTION}


class Remarks:
    """What one file says in words."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._traceback = Traceback()
        self._facts: list[Fact] = []
        self._marks: list[Mark] = []
        self._fact_count = 0
        self._mark_count = 0
        self._ended: list[tuple[int, Said]] = []
        self._asserted = False

    def tracebacks(self, lexed: Lexed) -> NDArray[np.bool_]:
        """Which rows are part of a traceback; the exceptions at their ends are kept."""
        inside = np.zeros(len(lexed), np.bool_)
        at = lexed.text.find(Traceback.FIRST)
        if at < 0 and not self._traceback.is_open:
            return inside
        row = 0 if self._traceback.is_open else _row_at(lexed, at)
        while row < len(lexed):
            inside[row], ended = self._traceback.read(_text(lexed, row))
            if ended is not None:
                self._ended.append((row, ended))
            row += 1
            if not self._traceback.is_open and row < len(lexed):
                at = lexed.text.find(Traceback.FIRST, int(lexed.start[row]))
                if at < 0:
                    break
                row = max(row, _row_at(lexed, at))
        return inside

    def listen(self, lexed: Lexed, rows: NDArray[np.int64], dates: Dates, dating: Dating) -> set[int]:
        """Hear what ``rows`` say in words; return those that are messages."""
        heard: set[int] = set()
        for row, ended in self._ended:
            self._add(lexed, row, ended, dates, dating)
        self._ended = []
        for row in rows.tolist():
            line = _text(lexed, row)
            if is_message(line) and (one := said(line)) is not None:
                heard.add(row)
                self._add(lexed, row, one, dates, dating)
            elif dates.last[row] == NO_STEP and self._fact_count < _MOST_FACTS:
                self._state(line, int(lexed.line[row]))
        return heard

    def taken(self) -> tuple[tuple[Fact, ...], tuple[Mark, ...]]:
        """The facts and marks since the last call."""
        facts, marks = tuple(self._facts), tuple(self._marks)
        self._facts, self._marks = [], []
        return facts, marks

    def rest(self) -> Block:
        facts, marks = self.taken()
        return Block(self._file, facts=facts, marks=marks)

    def _add(self, lexed: Lexed, row: int, one: Said, dates: Dates, dating: Dating) -> None:
        if self._mark_count >= _MOST_MARKS:
            return
        if one.kind is MarkKind.FATAL and "ssert" in one.text:
            if self._asserted:
                return  # each of a thousand threads says so
            self._asserted = True
        line = int(lexed.line[row])
        if self._marks and self._marks[-1].kind is one.kind is MarkKind.RESUME and self._marks[-1].text == one.text:
            return
        step = one.step
        if step is None:
            last = int(dates.last[row])
            step = None if last == NO_STEP else last
            if one.kind in _UNDER_WAY and not _just_logged(dates, row, lexed):
                step = last + 1 if last != NO_STEP and dating.interval == 1 else None
        self._mark_count += 1
        mark = one.mark(self._file, line, step)
        self._marks.append(mark)
        if one.kind is MarkKind.EXCEPTION and "returned nan values" in one.text:
            self._marks.append(replace(mark, kind=MarkKind.NONFINITE, phase=Phase.BACKWARD))

    def _state(self, line: str, number: int) -> None:
        for key, value in settings(line):
            if self._fact_count >= _MOST_FACTS:
                return
            self._fact_count += 1
            self._facts.append(Fact(f"hparams.{key}", value, self._file, number))


def _just_logged(dates: Dates, row: int, lexed: Lexed) -> bool:
    """Whether the values of the step itself stand above the message: one of them is not finite."""
    above = lexed.row(row - 1).lower() if row else b""
    return b"nan" in above or b"inf" in above


def _row_at(lexed: Lexed, place: int) -> int:
    return max(int(np.searchsorted(lexed.start, place, side="right")) - 1, 0)


def _text(lexed: Lexed, row: int) -> str:
    start = int(lexed.start[row])
    return lexed.text[start : min(int(lexed.end[row]), start + _LONGEST)].decode("utf-8", "replace")
