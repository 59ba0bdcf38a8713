"""Reads a log a stretch at a time: shapes, what they mean, steps, then all numbers of a column at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, Block, Piece, SeriesInfo, Stage, Unread
from nanlog_parsers._names import Names
from nanlog_parsers._numbers import trailing_numbers
from nanlog_parsers._states import States, bulk

from ._dating import Counted, Counting, Dates, Dating, counting
from ._header import NO_HEADER, Header, header_of
from ._lex import Lexed, lex
from ._remarks import Remarks
from ._roles import Roles, learn
from ._shapes import Shape, ShapeTable
from ._values import data_set

__all__ = ["Reader"]

#: So many lines, from the beginning and the end of those at hand, show how the numbers of a shape differ.
_SAMPLES = 24
#: A rule between blocks of lines.
_RULE = re.compile(rb"[ \t|+]*[-=*#_~+|]{4,}[-=*#_~+| \t]*")
#: A block that goes on over the end of a piece is kept together up to this length in bytes.
_LONGEST_BLOCK = 1 << 16
_MOST_UNREAD = 1000
_HIGHEST = 10**15

Rows = NDArray[np.int64]


@dataclass(slots=True)
class _Part:
    """Rows of one shape, with the numbers that mean something, one column for each place."""

    shape: Shape
    rows: Rows
    columns: dict[int, NDArray[np.float64]]
    good: dict[int, NDArray[np.bool_]]

    @property
    def roles(self) -> Roles:
        return self.shape.roles

    def whole(self, place: int | None) -> Rows:
        """A column of counters; -1 where a row has none."""
        if place is None:
            return np.full(len(self.rows), -1, np.int64)
        column = self.columns[place]
        ok = self.good[place] & (column >= 0) & (column < _HIGHEST)
        column = np.where(ok, column, 0)
        return np.where(ok & (column == np.floor(column)), column, -1).astype(np.int64)


class Reader:
    """Reads the files of one log, in order."""

    def __init__(self) -> None:
        self._shapes = ShapeTable()
        self._names = Names()
        self._series: dict[tuple[str, str, bool, bool], SeriesInfo] = {}
        self._dating = Dating()
        self._header = NO_HEADER
        self._section = ""
        self._block = 0
        self._counts_itself: tuple[bytes, ...] | None = None
        self._has_counters = False
        self._claimed = False
        self._unread = 0

    def read(self, file: str, pieces: Iterator[Piece]) -> Iterator[Block]:
        """Yield what a file says."""
        remarks = Remarks(file)
        for states in bulk(self._whole_blocks(pieces)):
            yield self._stretch(file, states, remarks)
        yield remarks.rest()

    def _whole_blocks(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Pieces cut at rules where lines between them belong together."""
        kept: Piece | None = None
        for piece in pieces:
            data, line, continues = piece.data, piece.first_line, piece.continues
            if kept is not None:
                data, line, continues = kept.data + data, kept.first_line, kept.continues
                kept = None
            cut = data.rfind(b"\n---", _LONGEST_BLOCK) + 1 if self._dating.has_step_headings else 0
            if cut and len(data) - cut < _LONGEST_BLOCK:
                kept = Piece(piece.file, data[cut:], line + data.count(b"\n", 0, cut))
                data = data[:cut]
            yield Piece(piece.file, data, line, continues)
        if kept is not None:
            yield kept

    def _stretch(self, file: str, states: States, remarks: Remarks) -> Block:
        lexed = lex(states)
        aside = remarks.tracebacks(lexed)
        headers = self._headers(lexed)
        parts = self._parts(lexed, aside, headers)
        self._read_columns(lexed, parts)
        dates = self._dates(lexed, parts)
        spoken = np.ones(len(lexed), np.bool_)
        for part in parts:
            if part.roles.values and counting(part.roles) is not Counting.NOTHING:
                spoken[part.rows] = False
        quiet = remarks.listen(lexed, np.flatnonzero(spoken & ~aside), dates, self._dating)
        sections = self._sections(lexed, parts)
        return self._block_of(file, lexed, parts, dates, quiet, sections, remarks)

    # -- shapes and what they mean

    def _headers(self, lexed: Lexed) -> dict[int, Header]:
        """Rows of words alone that may name the columns below them."""
        found: dict[int, Header] = {}
        plain = np.flatnonzero((lexed.count == 0) & (lexed.end - lexed.start > 8) & (lexed.end - lexed.start < 600))
        for row in plain.tolist():
            header = header_of(lexed.row(row))
            if header:
                found[row] = header
        return found

    def _parts(self, lexed: Lexed, aside: NDArray[np.bool_], headers: dict[int, Header]) -> list[_Part]:
        parts: list[_Part] = []
        above = sorted(headers)
        for shape, rows in list(self._shapes.rows_by_shape(lexed)):
            own = rows[~aside[rows]]
            if len(own):
                parts += self._understood(lexed, shape, own, headers, above)
        if above:
            self._header = headers[above[-1]]
        return [part for part in parts if part.roles.values or part.roles.heading]

    def _understood(
        self, lexed: Lexed, shape: Shape, rows: Rows, headers: dict[int, Header], above: list[int]
    ) -> list[_Part]:
        again = shape.understood and not shape.roles.values and not shape.roles.heading and shape.seen < 1000
        if not shape.understood or (again and shape.roles.counters):
            place = int(np.searchsorted(above, rows[0]))
            header = headers[above[place - 1]] if place else self._header
            shape.roles = learn(lexed.row(int(rows[0])), lexed.numbers(int(rows[0])), _sampled(lexed, rows), header)
            shape.understood = True
            if shape.roles.pinned and not shape.pinned:
                shape.pinned = dict.fromkeys(shape.roles.pinned, b"")
                return self._pinned(lexed, shape, rows)
        return [_Part(shape, rows, {}, {})]

    def _pinned(self, lexed: Lexed, shape: Shape, rows: Rows) -> list[_Part]:
        parts = []
        for variant, own in self._shapes.pin(shape, lexed, rows):
            if not variant.understood:
                first = int(own[0])
                variant.roles = learn(lexed.row(first), lexed.numbers(first), _sampled(lexed, own), NO_HEADER)
                variant.understood = True
            parts.append(_Part(variant, own, {}, {}))
        return parts

    # -- numbers

    def _read_columns(self, lexed: Lexed, parts: list[_Part]) -> None:
        wanted: list[tuple[_Part, int]] = []
        ends: list[Rows] = []
        for part in parts:
            places = {value.place for value in part.roles.values} | set(part.roles.counters.used)
            for place in sorted(places):
                wanted.append((part, place))
                ends.append(lexed.beyond[lexed.first[part.rows] + place])
        if not ends:
            return
        read = trailing_numbers(lexed.blanked, np.concatenate(ends))
        at = 0
        for (part, place), own in zip(wanted, ends, strict=True):
            part.columns[place] = read.value[at : at + len(own)]
            part.good[place] = read.good[at : at + len(own)]
            at += len(own)

    # -- steps

    def _dates(self, lexed: Lexed, parts: list[_Part]) -> Dates:
        counted = [
            Counted(part.roles, part.rows, part.whole(c.step), part.whole(c.of), part.whole(c.epoch))
            for part in parts
            for c in (part.roles.counters,)
        ]
        self._has_counters |= any(counting(part.roles) is not Counting.NOTHING for part in parts)
        if not self._has_counters:
            main = self._main_of_uncounted(parts)
            if main is not None:
                return self._dating.in_turn(main, len(lexed))
        return self._dating.date(counted, len(lexed), self._blocks(lexed))

    def _main_of_uncounted(self, parts: list[_Part]) -> Rows | None:
        """The rows that count as steps in a log that counts nothing: those with the loss."""
        if self._counts_itself is None:
            known = [part for part in parts if part.roles.has_known and not part.roles.is_evaluation]
            best = max(known, key=lambda part: len(part.rows), default=None)
            if best is None or len(best.rows) < 3:
                return None
            self._counts_itself = best.shape.key
        own = [part.rows for part in parts if part.shape.key == self._counts_itself]
        return np.sort(np.concatenate(own)) if own else np.empty(0, np.int64)

    def _blocks(self, lexed: Lexed) -> Rows | None:
        """Number the blocks, divided by rules and blank lines, of a log whose steps stand on lines of their own."""
        if not self._dating.has_step_headings:
            return None
        content = np.frombuffer(lexed.text, np.uint8)
        begins = np.diff(lexed.line, prepend=lexed.line[:1]) > 1
        first, last = content[np.minimum(lexed.content, len(content) - 1)], content[lexed.end - 1]
        ruled = (lexed.count == 0) & np.isin(first, np.frombuffer(b"-=*#_~+|", np.uint8))
        for row in np.flatnonzero(ruled & np.isin(last, np.frombuffer(b"-=*#_~+|", np.uint8))).tolist():
            if _RULE.fullmatch(lexed.row(row)[:2000]) is not None:
                begins[row] = True
        block = self._block + np.cumsum(begins)
        self._block = int(block[-1]) if len(block) else self._block
        return block

    def _sections(self, lexed: Lexed, parts: list[_Part]) -> list[tuple[int, str]]:
        """Rows below which other data is spoken of: ``Validation:``, ``| eval/ | |``."""
        found: list[tuple[int, str]] = [(-1, self._section)]
        short = (lexed.count == 0) & (lexed.end - lexed.content < 40)
        for row in np.flatnonzero(short).tolist():
            text = lexed.row(row).decode("latin-1")
            said = re.findall(r"[A-Za-z]+", text)
            which = data_set(" ".join(said)) if 0 < len(said) <= 3 else None
            if which is not None or text.strip("| ").endswith("/"):
                found.append((row, which or ""))
        if len(found) > 1 or self._section:
            found += [
                (row, "")
                for part in parts
                if counting(part.roles) is not Counting.NOTHING and not part.roles.is_evaluation
                for row in part.rows.tolist()
            ]
            found.sort()
        self._section = found[-1][1]
        return found

    # -- points

    def _block_of(
        self,
        file: str,
        lexed: Lexed,
        parts: list[_Part],
        dates: Dates,
        quiet: set[int],
        sections: list[tuple[int, str]],
        remarks: Remarks,
    ) -> Block:
        self._claim(parts)
        series: dict[SeriesInfo, int] = {}
        columns: list[tuple[Rows, NDArray[np.int64], NDArray[np.float64], int]] = []
        unread: list[Unread] = []
        for part in parts:
            rows = part.rows
            keep = self._kept(part, dates, quiet)
            if keep is not None and not keep.any():
                continue
            first = lexed.first[rows]
            is_next = part.roles.is_evaluation and bool(dates.is_next[rows].any())
            for value in part.roles.values:
                good = part.good[value.place]
                ok = good if keep is None else good & keep
                if not good.all():
                    self._not_read(lexed, file, rows[~good], value.name, unread)
                for which, inside in self._by_section(part, rows, sections):
                    mask = ok if inside is None else ok & inside
                    info = self._info(part, value.name, value.split or which, value.averaged, is_next)
                    code = series.setdefault(info, len(series))
                    if mask.all():
                        columns.append((first + value.place, rows, part.columns[value.place], code))
                    elif mask.any():
                        columns.append((first[mask] + value.place, rows[mask], part.columns[value.place][mask], code))
        facts, marks = remarks.taken()
        if not columns:
            return Block(file, facts=facts, marks=marks, unread=tuple(unread))
        place = np.concatenate([column[0] for column in columns])
        rows_of_points = np.concatenate([column[1] for column in columns])
        order = np.argsort(place, kind="stable")
        code = np.repeat([column[3] for column in columns], [len(column[0]) for column in columns])
        return Block(
            file,
            tuple(series),
            code[order].astype(np.int64),
            dates.step[rows_of_points][order],
            np.concatenate([column[2] for column in columns])[order],
            lexed.line[rows_of_points][order],
            None,
            facts,
            marks,
            tuple(unread),
        )

    def _kept(self, part: _Part, dates: Dates, quiet: set[int]) -> NDArray[np.bool_] | None:
        """Which rows are points; None for all of them."""
        keep = dates.step[part.rows] != NO_STEP
        if counting(part.roles) is Counting.NOTHING:
            if not part.roles.has_known and part.shape.seen < 2:
                return np.zeros(len(part.rows), np.bool_)
            if quiet:
                keep &= ~np.isin(part.rows, np.fromiter(quiet, np.int64, len(quiet)))
        return None if keep.all() else keep

    def _by_section(
        self, part: _Part, rows: Rows, sections: list[tuple[int, str]]
    ) -> Iterator[tuple[str, NDArray[np.bool_] | None]]:
        inside = counting(part.roles) is Counting.NOTHING and not part.roles.split
        if not inside or all(not which for _, which in sections):
            yield "", None
            return
        at = np.searchsorted([row for row, _ in sections], rows, side="right") - 1
        which = np.array([name for _, name in sections])[at]
        for name in sorted(set(which.tolist())):
            yield name, which == name

    def _claim(self, parts: list[_Part]) -> None:
        """Let the best of the names at hand have the plain ones."""
        if self._claimed or not parts:
            return
        fine = [part for part in parts if counting(part.roles) in _FINE] or parts
        names = [v.name for part in fine for v in part.roles.values if not v.split and not v.averaged]
        if names:
            self._names.claim(name for name in names if not (data_set(name.replace("_", " ")) or ""))
            self._claimed = True

    def _info(self, part: _Part, name: str, split: str, averaged: bool, is_next: bool) -> SeriesInfo:
        summary = self._dating.finer and counting(part.roles) is Counting.EPOCH and not split
        key = (name, split, averaged or summary, is_next)
        info = self._series.get(key)
        if info is None:
            info = self._names.info(name, split=split, smoothed=averaged or summary)
            if is_next:
                info = replace(info, stage=Stage.EVALUATION)
            self._series[key] = info
        return info

    def _not_read(self, lexed: Lexed, file: str, rows: Rows, name: str, unread: list[Unread]) -> None:
        for row in rows.tolist():
            if self._unread >= _MOST_UNREAD:
                return
            self._unread += 1
            text = lexed.row(row)[:500].decode("utf-8", "replace")
            unread.append(Unread(file, int(lexed.line[row]), text, f"the value of {name} is not a number"))


_FINE = {Counting.STEP, Counting.BATCH, Counting.EPOCH_AND_BATCH}


def _sampled(lexed: Lexed, rows: Rows) -> list[list[str]]:
    """The numbers of some rows."""
    if len(rows) > 2 * _SAMPLES:
        rows = np.concatenate((rows[:_SAMPLES], rows[-_SAMPLES:]))
    found = []
    for row in rows.tolist():
        text = lexed.row(row)
        found.append([text[begin:end].decode("latin-1") for begin, end in lexed.numbers(row)])
    return found
