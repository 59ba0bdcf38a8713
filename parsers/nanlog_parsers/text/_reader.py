"""Reads a log a stretch at a time: shapes and what they mean, then steps, then points."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nanlog.model import Block, Fact, Piece
from nanlog_parsers._states import States, bulk

from ._dating import Counted, Counting, Dates, Dating, counting
from ._left_out import LeftOut
from ._lex import Lexed, lex
from ._parts import Part, Parts
from ._points import Points, Section
from ._remarks import Remarks
from ._values import data_set

__all__ = ["Reader"]

#: A rule between blocks of lines.
_RULE = re.compile(rb"[ \t|+]*[-=*#_~+|]{4,}[-=*#_~+| \t]*")
_RULING = np.frombuffer(b"-=*#_~+|", np.uint8)
#: What the lines mean is learned from so much text, in bytes, as long as there is more.
_STRETCH = 1 << 20
#: A block that goes on over the end of a piece is kept together up to this length in bytes.
_LONGEST_BLOCK = 1 << 16
#: Lines that say what the lines below them were measured on have at most so many words and bytes.
_MOST_WORDS = 3
_LONGEST_SECTION = 60
#: So many losses in a row make a log that counts nothing.
_FEWEST = 3

Rows = NDArray[np.int64]


class Reader:
    """Reads the files of one log, in order; ``rank`` is the process they are of, "" for the first."""

    def __init__(self, rank: str = "") -> None:
        self._left_out = LeftOut()
        self._parts = Parts(self._left_out)
        self._points = Points(rank, self._left_out)
        self._stream = f"rank{rank}" if rank else ""
        self._dating = Dating()
        self._section = ""
        self._block = 0
        self._counts_itself: tuple[bytes, ...] | None = None
        self._has_counters = False
        self._kept = b""
        self._epochs: tuple[str, int] | None = None  #: file and line of the first row that counts epochs alone

    def read(self, file: str, pieces: Iterator[Piece]) -> Iterator[Block]:
        """Yield what a file says."""
        remarks = Remarks(file)
        for states in bulk(self._whole_blocks(pieces)):
            yield self._stretch(file, states, remarks)
        notes = self._left_out.taken(file)
        facts = self._unit(file)
        if notes or facts:
            yield Block(file, marks=notes, facts=facts, stream=self._stream)

    def _unit(self, file: str) -> tuple[Fact, ...]:
        """That the steps are epochs, where a file says nothing finer."""
        if self._epochs is None or self._epochs[0] != file or self._dating.finer or self._dating.has_parts:
            return ()
        return (Fact("step_unit", "epoch", *self._epochs),)

    def _whole_blocks(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Pieces long enough to learn from, cut at rules where the lines between them belong together."""
        for piece in _joined(pieces):
            data, line = self._kept + piece.data, piece.first_line - self._kept.count(b"\n")
            continues, self._kept = piece.continues and not self._kept, b""
            cut = data.rfind(b"\n---", _LONGEST_BLOCK) + 1 if self._dating.has_step_headings else 0
            if len(data) >= _STRETCH and cut and len(data) - cut < _LONGEST_BLOCK:
                data, self._kept = data[:cut], data[cut:]
            yield Piece(piece.file, data, line, continues)
            after = line + data.count(b"\n")
        if self._kept:
            data, self._kept = self._kept, b""
            yield Piece(piece.file, data, after)

    def _stretch(self, file: str, states: States, remarks: Remarks) -> Block:
        lexed = lex(states)
        aside = remarks.tracebacks(lexed)
        parts = self._parts.of(lexed, aside)
        dates = self._dates(lexed, parts)
        speaks = ~aside
        self._notice_epochs(file, lexed, parts)
        for part in parts:
            if part.roles.values and counting(part.roles) is not Counting.NOTHING:
                speaks[part.rows] = False
        quiet = remarks.listen(lexed, np.flatnonzero(speaks), dates, self._dating)
        sections = self._sections(lexed, parts)
        block = self._points.block(file, lexed, parts, dates, quiet, sections, self._dating)
        facts, marks = remarks.taken()
        unread = (*block.unread, *self._parts.unread(file, lexed, aside))
        return replace(block, unread=unread, facts=facts, marks=marks, stream=self._stream)

    def _notice_epochs(self, file: str, lexed: Lexed, parts: list[Part]) -> None:
        rows = [part.rows for part in parts if counting(part.roles) is Counting.EPOCH and part.roles.has_known]
        if rows and self._epochs is None:
            self._epochs = file, int(lexed.line[min(int(each.min()) for each in rows)])

    def _dates(self, lexed: Lexed, parts: list[Part]) -> Dates:
        counted = [
            Counted(part.roles, part.rows, part.whole(c.step), part.whole(c.of), part.whole(c.epoch))
            for part in parts
            for c in (part.roles.counters,)
        ]
        self._dating.learn(counted)
        self._has_counters |= any(counting(part.roles) is not Counting.NOTHING for part in parts)
        if not self._has_counters:
            main = self._main_of_uncounted(parts)
            if main is not None:
                return self._dating.in_turn(main, len(lexed))
        return self._dating.date(counted, len(lexed), self._blocks(lexed))

    def _main_of_uncounted(self, parts: list[Part]) -> Rows | None:
        """The rows that count as steps in a log that counts nothing: those with the loss."""
        if self._counts_itself is None:
            known = [part for part in parts if part.roles.has_known and not part.roles.is_evaluation]
            best = max(known, key=lambda part: len(part.rows), default=None)
            if best is None or len(best.rows) < _FEWEST:
                return None
            self._counts_itself = best.key
        own = [part.rows for part in parts if part.key == self._counts_itself]
        return np.sort(np.concatenate(own)) if own else np.empty(0, np.int64)

    def _blocks(self, lexed: Lexed) -> Rows | None:
        """Number the blocks, divided by rules and blank lines, of a log whose steps stand on lines of their own."""
        if not self._dating.has_step_headings or not len(lexed):
            return None
        content = np.frombuffer(lexed.text, np.uint8)
        begins = np.diff(lexed.line, prepend=lexed.line[:1]) > 1
        edges = np.isin(content[lexed.end - 1], _RULING) & np.isin(content[lexed.content], _RULING)
        for row in np.flatnonzero((lexed.count == 0) & edges).tolist():
            if _RULE.fullmatch(lexed.row(row)[:2000]) is not None:
                begins[row] = True
        block = self._block + np.cumsum(begins)
        self._block = int(block[-1])
        return block

    def _sections(self, lexed: Lexed, parts: list[Part]) -> list[Section]:
        """Rows below which other data is spoken of: ``Validation:``, ``| eval/ | |``."""
        found: list[Section] = [(-1, self._section)]
        short = (lexed.count == 0) & (lexed.end - lexed.content < _LONGEST_SECTION)
        for row in np.flatnonzero(short).tolist():
            text = lexed.row(row).decode("latin-1")
            said = re.findall(r"[A-Za-z]+", text)
            which = data_set(" ".join(said)) if 0 < len(said) <= _MOST_WORDS else None
            if which is not None or text.strip("| ").endswith("/"):
                found.append((row, which or ""))
        if len(found) > 1 or self._section:
            training = [
                part.rows
                for part in parts
                if counting(part.roles) is not Counting.NOTHING and not part.roles.is_evaluation
            ]
            found += [(row, "") for rows in training for row in rows.tolist()]
            found.sort()
        self._section = found[-1][1]
        return found


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Pieces of at least :data:`_STRETCH` bytes, except for the last."""
    waiting: list[Piece] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece.data)
        if size >= _STRETCH:
            yield _one(waiting)
            waiting, size = [], 0
    if waiting:
        yield _one(waiting)


def _one(pieces: list[Piece]) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    return replace(pieces[0], data=b"".join(piece.data for piece in pieces))
