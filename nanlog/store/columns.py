"""Blocks in the order of the log -> columns in which the points of each series lie together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

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
        self._blocks: list[_Sorted] = []

    def add(self, block: Block) -> None:
        names = np.fromiter(map(self._code_of, block.series), np.int64, len(block.series))
        self._blocks.append(_sorted(block, names, self._files[block.file]))

    def _code_of(self, info: SeriesInfo) -> int:
        code = self._codes.setdefault(info.name, len(self._codes))
        if code == len(self._infos):
            self._infos.append(info)
        return code

    def grouped(self) -> Grouped:
        """Join what was added series by series; can be called once, since the blocks are let go."""
        pieces = _Pieces(self._blocks, len(self._infos))
        spans = {
            info.name: slice(int(begin), int(begin + size))
            for info, begin, size in zip(self._infos, pieces.begins, pieces.sizes, strict=True)
            if size
        }
        timed = any(block.time is not None for block in self._blocks)
        several = len(self._files) > 1
        step, value, line = (pieces.joined(name) for name in ("step", "value", "line"))
        file = pieces.files() if several else np.broadcast_to(np.int64(0), step.shape)
        time = pieces.joined("time") if timed else None
        self._blocks.clear()
        infos = tuple(info for info in self._infos if info.name in spans)
        return Grouped(infos, spans, step, value, line, file, time)


@dataclass(frozen=True, slots=True, eq=False)
class _Sorted:
    """A block whose points lie series after series; ``size[k]`` of them belong to series ``code[k]`` of the run."""

    code: IntArray
    size: IntArray
    file: int
    step: IntArray
    value: FloatArray
    line: IntArray
    time: FloatArray | None


def _sorted(block: Block, names: IntArray, file: int) -> _Sorted:
    """Sort the points of a block by series: a block is small enough to stay near the processor meanwhile."""
    own, step, value, line, time = block.code, block.step, block.value, block.line, block.time
    if len(own) and bool((own[1:] < own[:-1]).any()):
        # numpy sorts 16-bit numbers by radix, ten times as fast as wider ones
        order = np.argsort(own.astype(np.uint16) if len(names) <= 1 << 16 else own, kind="stable")
        step, value, line = step[order], value[order], line[order]
        time = None if time is None else time[order]
    size = np.bincount(own, minlength=len(names))
    here = np.flatnonzero(size)
    return _Sorted(names[here], size[here], file, step, value, line, time)


class _Pieces:
    """The stretches of one series each that sorted blocks consist of, in the order in which they are joined."""

    def __init__(self, blocks: Sequence[_Sorted], count: int) -> None:
        self._blocks = blocks
        code = _joined([block.code for block in blocks], np.int64)
        self._size = _joined([block.size for block in blocks], np.int64)
        self._block = np.repeat(np.arange(len(blocks)), [len(block.code) for block in blocks])
        self._order = np.argsort(code, kind="stable")
        self.sizes = np.zeros(count, np.int64)
        np.add.at(self.sizes, code, self._size)
        self.begins = np.cumsum(self.sizes) - self.sizes

    def joined(self, name: str) -> NDArray[Any]:
        """One column of all points; NaN where a block has none."""
        columns = [getattr(block, name) for block in self._blocks]
        stretches: list[NDArray[Any]] = []
        for block, column in zip(self._blocks, columns, strict=True):
            whole = np.full(len(block.step), np.nan) if column is None else column
            stretches += _cut(whole, block.size)
        ordered = [stretches[k] for k in self._order.tolist()]
        return (
            np.concatenate(ordered) if ordered else np.empty(0, np.float64 if name in ("value", "time") else np.int64)
        )

    def files(self) -> IntArray:
        """The index of the file that each point stands in."""
        own = np.array([block.file for block in self._blocks], np.int64)
        return np.repeat(own[self._block[self._order]], self._size[self._order])


def _cut(column: NDArray[Any], sizes: IntArray) -> list[NDArray[Any]]:
    ends = np.cumsum(sizes).tolist()
    return [column[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def _joined(parts: list[NDArray[Number]], dtype: type[Number]) -> NDArray[Number]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype)
