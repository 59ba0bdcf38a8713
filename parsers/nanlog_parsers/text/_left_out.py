"""What is not read of a log though it may mean something: shown up to a bound, and counted beyond it."""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.model import Mark, MarkKind, Unread

from ._lex import Lexed
from ._shape import Meaning, Rows

__all__ = ["LeftOut"]

_MOST_UNREAD = 1000


class LeftOut:
    """Counts what is left out of one log."""

    def __init__(self) -> None:
        self._numbers = 0
        self._line = 0
        self._unread = 0
        self._more = 0

    def numbers(self, lexed: Lexed, meaning: Meaning, rows: Rows) -> None:
        """Count the numbers of some rows whose names are too many, and do not come again."""
        if meaning.left_out and len(rows):
            self._line = self._line or int(lexed.line[rows[0]])
            self._numbers += meaning.left_out * len(rows)

    def lines(self, file: str, lexed: Lexed, rows: Rows, why: str) -> Iterator[Unread]:
        """Rows that could not be read."""
        shown = max(_MOST_UNREAD - self._unread, 0)
        self._unread += min(len(rows), shown)
        self._more += max(len(rows) - shown, 0)
        for row in rows[:shown].tolist():
            start = int(lexed.start[row])
            text = lexed.text[start : min(int(lexed.end[row]), start + 500)].decode("utf-8", "replace")
            yield Unread(file, int(lexed.line[row]), text, why)

    def taken(self, file: str) -> tuple[Mark, ...]:
        """What was counted since the last call."""
        notes = []
        if self._numbers:
            said = f"{self._numbers:,} numbers are not read: their names are too many, and do not come again"
            notes.append(Mark(MarkKind.NOTE, file, self._line, text=said))
        if self._more:
            said = f"{self._more:,} more lines or values could not be read than the {self._unread:,} that are kept"
            notes.append(Mark(MarkKind.NOTE, file, 1, text=said))
        self._numbers = self._line = self._more = 0
        return tuple(notes)
