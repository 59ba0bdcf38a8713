"""Reads a stretch of a table line by line: the odd parts of large files, the whole of small ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from nanlog.model import Unread

from ._cells import ABSENT, cell, is_number
from ._chunk import Chunk, Column, Words
from ._header import Header, cells_of, repeats
from ._kinds import Kinds

__all__ = ["KEPT_TEXT", "plain_chunks"]

#: So much of an unread line is kept.
KEPT_TEXT = 300
#: A quoted cell may hold so many line ends.
_LONGEST_RECORD = 50
#: A row with more cells than it should have is not taken to pieces if it is longer than this.
_LONGEST_ROW = 4 << 20


def plain_chunks(file: str, data: bytes, first_line: int, kinds: Kinds) -> Iterator[Chunk]:
    """Read lines; one without a line end may not be all that was meant to be written.

    A later header replaces that of ``kinds``, and the rows below it are a chunk of their own.
    """
    rows = _Rows(file, kinds)
    lines = data.split(b"\n")
    cut = bool(lines[-1])
    if not cut:
        lines.pop()
    index = 0
    while index < len(lines):
        taken, records = _records(lines, index, kinds.header)
        is_last = cut and index + taken == len(lines)
        for record in records:
            if rows.take(record, first_line + index, is_last=is_last):
                continue
            header = repeats(record, kinds.header, first_line + index)
            if header is not None:
                if header.names != kinds.header.names:
                    yield from rows.chunks()
                    kinds.turn_to(header)
                    rows = _Rows(file, kinds)
            elif not is_last:
                rows.refuse(record, first_line + index)
        index += taken
    yield from rows.chunks()


def _records(lines: list[bytes], index: int, header: Header) -> tuple[int, list[bytes]]:
    """How many lines belong together from ``index`` on, and the records in them.

    A quoted cell may go on over several lines, and the ``\\r`` of an old terminal may stand between records.
    """
    text = lines[index]
    if text.count(b'"') % 2:
        joined = text
        for taken in range(1, min(_LONGEST_RECORD, len(lines) - index)):
            joined += b" " + lines[index + taken]
            if joined.count(b'"') % 2 == 0:
                if len(cells_of(joined.decode("utf-8", "replace"), header.delimiter)) == len(header):
                    return taken + 1, [joined]
                break
            if len(joined) > _LONGEST_ROW:
                break
    text = text.rstrip(b"\r")
    return 1, text.split(b"\r") if b"\r" in text else [text]


class _Rows:
    """Collects the rows below one header."""

    def __init__(self, file: str, kinds: Kinds) -> None:
        self._file = file
        self._kinds = kinds
        self._header = kinds.header
        self._line: list[int] = []
        self._texts: list[bytes] = []
        self._cells: list[dict[int, str]] = []
        self._unread: list[Unread] = []
        self._cut_row = -1

    def take(self, text: bytes, line: int, *, is_last: bool) -> bool:
        """Take a line as a row; False where it has another number of cells or might be a header."""
        delimiter = self._header.delimiter
        if not text.strip() or text == self._header.text:
            return True
        separators = text.count(delimiter.encode())
        if len(text) > _LONGEST_ROW and separators + 1 != len(self._header):
            return False
        cells = cells_of(text.decode("utf-8", "replace"), delimiter)
        if self._header.decimal != ".":
            cells = [each.replace(self._header.decimal, ".") for each in cells]
        if len(cells) != len(self._header) or not any(is_number(each) for each in cells[:1000]):
            return len(cells) == len(self._header) and all(each in ABSENT for each in cells)
        self._cut_row = len(self._line) if is_last else -1
        self._line.append(line)
        self._texts.append(text)
        self._cells.append({position: each for position, each in enumerate(cells) if each})
        return True

    def refuse(self, text: bytes, line: int) -> None:
        """Note a line that is no row; one without a number in it was never meant to be."""
        delimiter = self._header.delimiter
        shown = text[:KEPT_TEXT].decode("utf-8", "replace")
        if any(is_number(each) for each in cells_of(shown, delimiter)):
            cells = text.count(delimiter.encode()) + 1
            self._unread.append(Unread(self._file, line, shown, f"{cells} cells, the header has {len(self._header)}"))

    def chunks(self) -> Iterator[Chunk]:
        """What was collected, unless it is nothing."""
        if not self._line and not self._unread:
            return
        columns, bad = self._columns()
        unread = [*self._unread, *(self._refused_cell(row, position) for row, position in sorted(bad.items()))]
        yield Chunk(
            self._file,
            self._header,
            np.array(self._line, np.int64),
            columns,
            {position: self._words(position) for position in self._kinds.kept},
            tuple(sorted(unread, key=lambda each: each.line)),
            frozenset(self._kinds.words),
        )

    def _columns(self) -> tuple[dict[int, Column], dict[int, int]]:
        """The columns of numbers, and for rows with an unreadable cell its position."""
        values: dict[int, tuple[list[int], list[float]]] = {}
        wrong: dict[int, list[int]] = {}
        passed_over = self._kinds.words
        for row, cells in enumerate(self._cells):
            for position, text in cells.items():
                if position in passed_over:
                    continue
                try:
                    value = cell(text)
                except ValueError:
                    wrong.setdefault(position, []).append(row)
                    continue
                if value is not None:
                    rows, found = values.setdefault(position, ([], []))
                    rows.append(row)
                    found.append(value)
        counts = Counter({position: len(rows) for position, (rows, _) in values.items()})
        self._kinds.learn(counts, Counter({position: len(rows) for position, rows in wrong.items()}))
        columns = {
            position: Column(
                slice(None) if len(rows) == len(self._cells) else np.array(rows, np.int64), np.array(found, np.float64)
            )
            for position, (rows, found) in sorted(values.items())
            if position not in self._kinds.words
        }
        bad = {row: position for position, rows in wrong.items() if position not in self._kinds.words for row in rows}
        bad.pop(self._cut_row, None)
        return columns, bad

    def _refused_cell(self, row: int, position: int) -> Unread:
        text = self._texts[row][:KEPT_TEXT].decode("utf-8", "replace")
        return Unread(
            self._file,
            self._line[row],
            text,
            f"no number: {self._cells[row][position][:60]!r} in column {self._header.names[position]!r}",
        )

    def _words(self, position: int) -> Words:
        texts = [cells.get(position, "") for cells in self._cells]
        distinct = tuple(sorted({text for text in texts if text}))
        codes = {text: code for code, text in enumerate(distinct)}
        return Words(np.array([codes.get(text, -1) for text in texts], np.int64), distinct)
