"""Blocks in the order of the log -> columns in which the points of each series lie together -> rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nanlog.model import Block, FloatArray, IntArray, Series, SeriesInfo

Number = TypeVar("Number", np.int32, np.int64, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Columns of all points; series after series, and those of one series in the order logged.

    ``spans`` says where each series lies; the series come in the order in which they first occur.
    """

    infos: tuple[SeriesInfo, ...]
    spans: Mapping[str, slice]
    step: IntArray
    value: FloatArray
    line: IntArray
    file: IntArray
    time: FloatArray | None

    def table(self, attempt: IntArray) -> dict[str, Series]:
        """The series by name; ``attempt`` is one more column."""
        return {info.name: self._series(info, self.spans[info.name], attempt) for info in self.infos}

    def _series(self, info: SeriesInfo, span: slice, attempt: IntArray) -> Series:
        time = None if self.time is None or np.isnan(self.time[span]).all() else self.time[span]
        return Series(info, self.step[span], self.value[span], self.line[span], attempt[span], self.file[span], time)


class Columns:
    """Takes blocks; series that several blocks or files name alike become one, described as where it first occurs."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = {file: index for index, file in enumerate(files)}
        self._codes: dict[str, int] = {}
        self._infos: list[SeriesInfo] = []
        self._code: list[NDArray[np.int32]] = []
        self._step: list[IntArray] = []
        self._value: list[FloatArray] = []
        self._line: list[IntArray] = []
        self._time: list[FloatArray | None] = []
        self._file: list[int] = []

    def add(self, block: Block) -> None:
        names = np.fromiter(map(self._code_of, block.series), np.int32, len(block.series))
        self._code.append(names[block.code])
        self._step.append(block.step)
        self._value.append(block.value)
        self._line.append(block.line)
        self._time.append(block.time)
        self._file.append(self._files[block.file])

    def _code_of(self, info: SeriesInfo) -> int:
        code = self._codes.setdefault(info.name, len(self._codes))
        if code == len(self._infos):
            self._infos.append(info)
        return code

    def grouped(self) -> Grouped:
        """Sort what was added by series; can be called once, since the blocks are let go column by column."""
        sizes = [len(code) for code in self._code]
        code = _joined(self._code, np.int32)
        # numpy sorts 16-bit numbers by radix, ten times as fast as wider ones
        narrow = code.astype(np.uint16) if len(self._infos) <= 1 << 16 else code
        order = np.argsort(narrow, kind="stable")
        ends = np.cumsum(np.bincount(code, minlength=len(self._infos)))
        del code, narrow
        begins = [0, *ends[:-1].tolist()]
        spans = {
            info.name: slice(begin, end)
            for info, begin, end in zip(self._infos, begins, ends.tolist(), strict=False)
            if end > begin
        }
        return Grouped(
            tuple(info for info in self._infos if info.name in spans),
            spans,
            _joined(self._step, np.int64)[order],
            _joined(self._value, np.float64)[order],
            _joined(self._line, np.int64)[order],
            self._file_of(sizes, order),
            self._times(sizes, order),
        )

    def _file_of(self, sizes: list[int], order: IntArray) -> IntArray:
        if len(self._files) < 2:
            return np.broadcast_to(np.int64(0), order.shape)
        return np.repeat(np.array(self._file, np.int64), sizes)[order]

    def _times(self, sizes: list[int], order: IntArray) -> FloatArray | None:
        if all(time is None for time in self._time):
            return None
        unknown = [
            np.full(size, np.nan) if time is None else time for size, time in zip(sizes, self._time, strict=True)
        ]
        self._time.clear()
        return _joined(unknown, np.float64)[order]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Points of several series, one row each; ``series`` and ``file`` are indices.

    ``time`` is NaN where the log has none.
    """

    series: NDArray[np.int32]
    step: IntArray
    value: FloatArray
    line: IntArray
    attempt: IntArray
    file: IntArray
    time: FloatArray


def rows_of(series: Sequence[Series]) -> Rows:
    """The points series after series, and those of one series in the order logged."""
    return Rows(
        np.repeat(np.arange(len(series), dtype=np.int32), [len(each) for each in series]),
        _joined([each.step for each in series], np.int64),
        _joined([each.value for each in series], np.float64),
        _joined([each.line for each in series], np.int64),
        _joined([each.attempt for each in series], np.int64),
        _joined([each.file for each in series], np.int64),
        _joined([np.full(len(each), np.nan) if each.time is None else each.time for each in series], np.float64),
    )


def _joined(parts: list[NDArray[Number]], dtype: type[Number]) -> NDArray[Number]:
    joined = np.concatenate(parts) if parts else np.empty(0, dtype)
    parts.clear()
    return joined
