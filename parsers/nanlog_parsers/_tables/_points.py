"""Rows of named columns -> points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, Block, Fact, Mark, MarkKind, SeriesInfo, Unread
from nanlog_parsers._names import Names, words

from ._axis import Axis
from ._chunk import Column
from ._counters import plain_name
from ._nulls import Nulls
from ._roles import Roles, is_of_runs, roles_of
from ._rows import Rows, merged

__all__ = ["Points"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
_MISSED = "no value in this row and all after it: read as NaN, for which the writer has no word"
_EVALUATED = {"val", "valid", "validation", "eval", "evaluation", "test", "testing", "dev"}


class Points:
    """Turns the rows of one file into blocks: which column is the step, and what the others are.

    ``files`` are those that tell of the same training: beside ``train.csv`` a ``val.csv`` holds the evaluation.
    """

    def __init__(self, file: str, stream: str = "", files: Iterable[str] = ()) -> None:
        self._file = file
        self._stream = stream
        others = [other for other in files if not _is_evaluated(PurePath(other).stem)]
        self._data = PurePath(file).stem if others and _is_evaluated(PurePath(file).stem) else ""
        self._names = Names()
        self._axis = Axis()
        self._nulls = Nulls()
        self._roles: dict[tuple[tuple[str, ...], str], Roles] = {}
        self._infos: dict[tuple[str, str], SeriesInfo] = {}
        self._told_unit = False

    def block(
        self,
        groups: Sequence[Rows],
        *,
        unread: Iterable[Unread] = (),
        marks: Iterable[Mark] = (),
        facts: Iterable[Fact] = (),
    ) -> Block:
        """The points of rows that stand in one stretch of the file, whatever the order of the groups."""
        groups = merged(groups, self._data)
        roles = [self._roles_of(rows) for rows in groups]
        self._let_stand_in(groups, roles)
        for rows, role in zip(groups, roles, strict=True):
            self._claim(rows, role)
        gathered = _Gathered()
        for rows, role, step in zip(groups, roles, self._dated(groups, roles), strict=True):
            time = None if role.time is None else rows.times(role.time)
            series = [(name, self._infos[name, rows.split], rows.columns.get(name)) for name in role.series]
            if not is_of_runs(rows.names):
                self._nulls.watch((rows.names, rows.split), series, rows.line, step)
            for _, info, column in series:
                if column is not None:
                    gathered.add(info, column, rows.line, step, time)
        code, step, value, line, times = gathered.joined()
        return Block(
            self._file,
            gathered.series,
            code,
            step,
            value,
            line,
            times,
            facts=(*facts, *self._unit(line)),
            unread=tuple(unread),
            marks=tuple(marks),
            stream=self._stream,
        )

    def finish(self) -> Iterator[Block]:
        """What only the whole file tells: the values that were missed until its end (see ``_nulls``)."""
        for missing in self._nulls.missing():
            first = Mark(MarkKind.NOTE, self._file, int(missing.line[0]), _known(int(missing.step[0])), _MISSED)
            yield Block(
                self._file,
                (missing.info,),
                np.zeros(len(missing.line), np.int64),
                missing.step,
                np.full(len(missing.line), np.nan),
                missing.line,
                marks=(first,),
                stream=self._stream,
            )

    def _unit(self, line: IntArray) -> Iterator[Fact]:
        """That the steps are epochs, once."""
        if self._axis.counts_epochs and not self._told_unit and len(line):
            self._told_unit = True
            yield Fact("step_unit", "epoch", self._file, int(line.min()))

    def _roles_of(self, rows: Rows) -> Roles:
        key = rows.names, rows.split
        roles = self._roles.get(key)
        if roles is None:
            roles = self._roles[key] = roles_of(rows.columns, rows.names, len(rows))
        return roles

    def _let_stand_in(self, groups: Sequence[Rows], roles: Sequence[Roles]) -> None:
        """Before the first names are given it is seen whether one of them is called a loss."""
        trained = [role for rows, role in zip(groups, roles, strict=True) if not _is_evaluated(rows.split)]
        if not self._infos:
            self._names.let_stand_in(plain_name(name) for role in trained for name in role.series)

    def _claim(self, rows: Rows, roles: Roles) -> None:
        new = [name for name in roles.series if (name, rows.split) not in self._infos]
        if not new:
            return
        if not _is_evaluated(rows.split):
            self._names.claim([plain_name(name) for name in new])
        for name in new:
            self._infos[name, rows.split] = self._info(name, rows.split)

    def _info(self, name: str, split: str) -> SeriesInfo:
        plain = plain_name(name)
        # a rate is not measured on any data: that of an evaluation is that of the training
        is_everywhere = Names().info(plain).name.startswith(("lr", "loss_scale"))
        info = self._names.info(plain, split=split if _is_evaluated(split) and not is_everywhere else "")
        return info if info.original == name else replace(info, original=name)

    def _dated(self, groups: Sequence[Rows], roles: Sequence[Roles]) -> list[IntArray]:
        """The steps of the rows of each group."""
        if not groups:
            return []
        line = np.concatenate([rows.line for rows in groups])
        step = np.concatenate([rows.counter(role.step) for rows, role in zip(groups, roles, strict=True)])
        epoch = np.concatenate([rows.counter(role.epoch) for rows, role in zip(groups, roles, strict=True)])
        trains = np.repeat([not _is_evaluated(rows.split) for rows in groups], [len(rows) for rows in groups])
        order = np.argsort(line, kind="stable") if len(groups) > 1 else slice(None)
        dated = np.empty_like(step)
        dated[order] = self._axis.dated(step[order], epoch[order], trains[order])
        return np.split(dated, np.cumsum([len(rows) for rows in groups])[:-1])


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The points of a series in the rows of one group."""

    value: FloatArray
    step: IntArray
    line: IntArray
    time: FloatArray | None


class _Gathered:
    """Columns of points in the making: series after series, each in the order of its lines."""

    def __init__(self) -> None:
        self._parts: dict[SeriesInfo, list[_Part]] = {}

    @property
    def series(self) -> tuple[SeriesInfo, ...]:
        return tuple(self._parts)

    def add(self, info: SeriesInfo, column: Column, line: IntArray, step: IntArray, time: FloatArray | None) -> None:
        row = column.row
        part = _Part(column.value, step[row], line[row], None if time is None else time[row])
        self._parts.setdefault(info, []).append(part)

    def joined(self) -> tuple[IntArray, IntArray, FloatArray, IntArray, FloatArray | None]:
        """Code, step, value, line and time of all points; no times where no point has one."""
        parts = [part for each in self._parts.values() for part in _in_order(each)]
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64), None
        sizes = [sum(len(part.value) for part in each) for each in self._parts.values()]
        times = [part.time for part in parts]
        return (
            np.repeat(np.arange(len(sizes)), sizes),
            np.concatenate([part.step for part in parts]),
            np.concatenate([part.value for part in parts]),
            np.concatenate([part.line for part in parts]),
            None if all(time is None for time in times) else np.concatenate([_times(part) for part in parts]),
        )


def _in_order(parts: list[_Part]) -> list[_Part]:
    """The same points; one part in the order of the lines where there are several."""
    if len(parts) == 1:
        return parts
    order = np.argsort(np.concatenate([part.line for part in parts]), kind="stable")
    has_times = any(part.time is not None for part in parts)
    return [
        _Part(
            np.concatenate([part.value for part in parts])[order],
            np.concatenate([part.step for part in parts])[order],
            np.concatenate([part.line for part in parts])[order],
            np.concatenate([_times(part) for part in parts])[order] if has_times else None,
        )
    ]


def _times(part: _Part) -> FloatArray:
    return np.full(len(part.value), np.nan) if part.time is None else part.time


def _known(step: int) -> int | None:
    return None if step == NO_STEP else step


def _is_evaluated(split: str) -> bool:
    return not _EVALUATED.isdisjoint(words(split))
