"""Collects what a log says besides its numbers: marks and facts, dated by the rows around them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, Fact, Mark, MarkKind

from ._dating import Dates, Dating
from ._facts import settings
from ._lex import Lexed
from ._messages import Said, Traceback, is_message, names_non_finite, said

__all__ = ["Remarks"]

_MOST_FACTS = 5000
#: A log that says the same thing on every line says it often enough.
_MOST_MARKS = 100_000
_LONGEST = 4000
_NON_FINITE = re.compile(rb"(?<![A-Za-z])(?:nan|inf)(?![A-Za-z])", re.IGNORECASE)
_FAILURES = {MarkKind.NONFINITE, MarkKind.EXCEPTION, MarkKind.FATAL}
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

    def listen(self, lexed: Lexed, rows: NDArray[np.int64], dates: Dates, dating: Dating) -> NDArray[np.int64]:
        """Hear what ``rows`` say in words; return those that are messages.

        What follows the message of a failure (the losses that were not finite) is part of it, up to the next row with
        a step of its own.
        """
        heard = np.zeros(len(lexed), np.bool_)
        failed = np.zeros(len(lexed), np.bool_)
        for row, ended in self._ended:
            self._add(lexed, row, ended, dates, dating)
            failed[row] = True
        self._ended = []
        for row in rows.tolist():
            line = _text(lexed, row)
            if is_message(line) and (one := said(line)) is not None:
                heard[row] = True
                self._add(lexed, row, one, dates, dating)
                failed[row] = one.kind in _FAILURES
            elif dates.last[row] == dates.step[row] == NO_STEP and self._fact_count < _MOST_FACTS:
                self._state(line, int(lexed.line[row]))
        return np.flatnonzero(heard | (_last(failed) > _last(dates.own)))

    def taken(self) -> tuple[tuple[Fact, ...], tuple[Mark, ...]]:
        """The facts and marks since the last call."""
        facts, marks = tuple(self._facts), tuple(sorted(self._marks, key=lambda mark: mark.line))
        self._facts, self._marks = [], []
        return facts, marks

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
        if one.kind is MarkKind.EXCEPTION and names_non_finite(one.text):
            self._marks.append(replace(mark, kind=MarkKind.NONFINITE))

    def _state(self, line: str, number: int) -> None:
        for key, value in settings(line):
            if self._fact_count >= _MOST_FACTS:
                return
            self._fact_count += 1
            self._facts.append(Fact(f"hparams.{key}", value, self._file, number))


def _last(which: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each row the last of the rows ``which`` up to it; -1 where there is none."""
    return np.maximum.accumulate(np.where(which, np.arange(len(which)), -1)) if len(which) else np.empty(0, np.int64)


def _just_logged(dates: Dates, row: int, lexed: Lexed) -> bool:
    """Whether the values of the step itself stand above the message: one of them is not finite."""
    return row > 0 and _NON_FINITE.search(lexed.row(row - 1)[-_LONGEST:]) is not None


def _row_at(lexed: Lexed, place: int) -> int:
    return max(int(np.searchsorted(lexed.start, place, side="right")) - 1, 0)


def _text(lexed: Lexed, row: int) -> str:
    start = int(lexed.start[row])
    return lexed.text[start : min(int(lexed.end[row]), start + _LONGEST)].decode("utf-8", "replace")
