"""Points of series: names, evaluation sets, ranks; built as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, Block, SeriesInfo, Stage, Unread
from nanlog_parsers._names import Names

from ._dating import Counting, Dates, Dating, counting
from ._left_out import LeftOut
from ._lex import Lexed
from ._parts import Part
from ._values import Value, data_set, is_loss

__all__ = ["Points", "Section"]

_FINE = {Counting.STEP, Counting.BATCH, Counting.EPOCH_AND_BATCH}

Rows = NDArray[np.int64]
#: A row, and the data set that the rows from there on were measured on.
Section = tuple[int, str]
_Column = tuple[Rows, Rows, NDArray[np.float64], int]


class Points:
    """Makes points of the values of one log."""

    def __init__(self, rank: str, left_out: LeftOut) -> None:
        self._left_out = left_out
        self._rank = rank
        self._names = Names()
        self._series: dict[tuple[str, str, bool, bool, str], SeriesInfo] = {}
        self._claimed = False
        self._first_rank: str | None = None

    def block(
        self,
        file: str,
        lexed: Lexed,
        parts: Sequence[Part],
        dates: Dates,
        quiet: Rows,
        sections: Sequence[Section],
        dating: Dating,
    ) -> Block:
        """The points of a stretch; rows that are ``quiet`` have none unless they say their step themselves."""
        self._claim(parts)
        series: dict[SeriesInfo, int] = {}
        columns: list[_Column] = []
        unread: list[Unread] = []
        for part in parts:
            keep = _kept(part, dates, quiet)
            if not keep.any():
                continue
            is_next = part.roles.is_evaluation and bool(dates.is_next[part.rows].any())
            summary = dating.is_average(part.roles)
            for value in part.roles.values:
                good = part.good[value.place]
                if not good.all():
                    unread += self._left_out.lines(
                        file, lexed, part.rows[keep & ~good], f"the value of {value.name} is not a number"
                    )
                for split, inside in _by_section(part, sections):
                    chosen = np.flatnonzero(keep & good & inside)
                    if len(chosen):
                        info = self._info(part, value, value.split or split, summary, is_next)
                        code = series.setdefault(info, len(series))
                        columns.append(_chosen(lexed, part, value.place, chosen, code))
        return _block(file, lexed, dates, tuple(series), columns, tuple(unread))

    def _claim(self, parts: Sequence[Part]) -> None:
        """Let the best of the names at hand have the plain ones."""
        if self._claimed or not parts:
            return
        fine = [part for part in parts if counting(part.roles) in _FINE] or parts
        names = [v.name for part in fine for v in part.roles.values if not v.split and not v.averaged]
        names = [name for name in names if not data_set(name.replace("_", " "))]
        if names:
            self._names.let_stand_in(names)
            self._names.claim(names)
            self._claimed = True

    def _info(self, part: Part, value: Value, split: str, summary: bool, is_next: bool) -> SeriesInfo:
        averaged = value.averaged or (summary and not split and is_loss(value.name))
        rank = part.roles.rank or self._rank
        if rank and self._first_rank is None and not self._rank:
            self._first_rank = rank
        key = (value.name, split, averaged, is_next, rank)
        info = self._series.get(key)
        if info is None:
            info = self._names.info(value.name, split=split, smoothed=averaged)
            if is_next:
                info = replace(info, stage=Stage.EVALUATION)
            if rank not in {"", self._first_rank}:
                info = replace(info, name=f"rank{rank}/{info.name}")
            self._series[key] = info
        return info


def _kept(part: Part, dates: Dates, quiet: Rows) -> NDArray[np.bool_]:
    """Which rows of a part are points."""
    keep: NDArray[np.bool_] = dates.step[part.rows] != NO_STEP
    if counting(part.roles) is Counting.NOTHING:
        if not part.roles.has_known and part.meaning.seen < 2:
            return np.zeros(len(part.rows), np.bool_)
        if len(quiet):
            keep &= ~np.isin(part.rows, quiet)
    return keep


def _by_section(part: Part, sections: Sequence[Section]) -> Iterator[tuple[str, NDArray[np.bool_] | np.bool_]]:
    inside = counting(part.roles) is Counting.NOTHING and not part.roles.split
    if not inside or all(not which for _, which in sections):
        yield "", np.True_
        return
    at = np.searchsorted([row for row, _ in sections], part.rows, side="right") - 1
    which = np.array([name for _, name in sections])[at]
    for name in sorted(set(which.tolist())):
        yield name, which == name


def _chosen(lexed: Lexed, part: Part, place: int, chosen: Rows, code: int) -> _Column:
    """Place in the text, row and value of the chosen points."""
    rows, values = part.rows, part.columns[place]
    if len(chosen) < len(rows):
        rows, values = rows[chosen], values[chosen]
    return lexed.first[rows] + place, rows, values, code


def _block(
    file: str,
    lexed: Lexed,
    dates: Dates,
    series: tuple[SeriesInfo, ...],
    columns: Sequence[_Column],
    unread: tuple[Unread, ...],
) -> Block:
    """All columns together, in the order of the text."""
    if not columns:
        return Block(file, unread=unread)
    order = np.argsort(np.concatenate([column[0] for column in columns]), kind="stable")
    rows = np.concatenate([column[1] for column in columns])[order]
    values = np.concatenate([column[2] for column in columns])[order]
    codes = np.repeat(np.array([column[3] for column in columns], np.int64), [len(column[1]) for column in columns])
    return Block(file, series, codes[order], dates.step[rows], values, lexed.line[rows], unread=unread)
