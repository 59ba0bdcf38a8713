"""Whether blocks are well formed, and whether two ways of reading found the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

import nanlog.model
from nanlog.model import NO_STEP, Block, Fact, FloatArray, IntArray, Mark, MarkKind, SeriesInfo, Unread

__all__ = ["Read", "check_block", "in_vocabulary"]

_PREFIX = r"(?:rank[0-9]+/)?(?:val[0-9]*/)?"


@cache
def _vocabulary() -> re.Pattern[str]:
    """The names in the table of :mod:`nanlog.model`; what stands there in angle brackets is anything."""
    table = (nanlog.model.__doc__ or "").partition("=\nname ")[2]
    rows = re.findall(r"^(``\S.*?``)  ", table, re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"``(.+?)``", row) if not name.endswith("...")]
    shapes = [re.sub(r"<\w+>", ".+", re.escape(name).replace(r"\<", "<").replace(r"\>", ">")) for name in names]
    return re.compile(f"{_PREFIX}(?:{'|'.join(shapes)})", re.DOTALL)


def in_vocabulary(name: str) -> bool:
    """Whether a series may be called so."""
    return _vocabulary().fullmatch(name) is not None


def check_block(block: Block, contents: Mapping[str, bytes]) -> None:
    """Raise ``AssertionError`` for a block that says what its source cannot hold."""
    assert block.file in contents, f"a block of {block.file!r}, which is no file of the source"
    assert isinstance(block.stream, str), f"the stream of a block is {block.stream!r}"
    columns = {"code": block.code, "step": block.step, "line": block.line}
    for name, column in columns.items():
        assert column.dtype == np.int64, f"the column {name} holds {column.dtype}, not int64"
    floats = {"value": block.value, "time": block.value if block.time is None else block.time}
    for name, values in floats.items():
        assert values.dtype == np.float64, f"the column {name} holds {values.dtype}, not float64"
    lengths = {len(column) for column in (*columns.values(), *floats.values())}
    assert len(lengths) == 1, f"the columns of a block differ in length: {sorted(lengths)}"
    _check_range("series code", block.code, 0, len(block.series) - 1)
    _check_range("step", block.step, NO_STEP, None)
    _check_range("line", block.line, 1, _last_line(contents[block.file]))
    assert len(set(block.series)) == len(block.series), f"a series stands twice in a block: {block.series}"
    for info in block.series:
        _check_series(info)
    items: tuple[Fact | Mark | Unread, ...] = (*block.facts, *block.marks, *block.unread)
    for item in items:
        _check_item(item, contents)


def _check_range(word: str, column: IntArray, least: int, most: int | None) -> None:
    if len(column):
        low, high = int(column.min()), int(column.max())
        assert low >= least, f"a {word} of {low}; the least there can be is {least}"
        assert most is None or high <= most, f"a {word} of {high}; the greatest there can be is {most}"


def _last_line(text: bytes) -> int:
    """The number of lines; what is no text has records, and no more of them than bytes."""
    return len(text) if b"\0" in text else text.count(b"\n") + 1


def _check_series(info: SeriesInfo) -> None:
    assert in_vocabulary(info.name), f"{info.name!r} is no series name of nanlog.model; other values are metric/<name>"
    assert info.original, f"the series {info.name!r} does not say what the log calls it"


def _check_item(item: Fact | Mark | Unread, contents: Mapping[str, bytes]) -> None:
    assert item.file in contents, f"{item} is of no file of the source"
    assert 1 <= item.line <= _last_line(contents[item.file]), f"{item} lies outside its file"
    if isinstance(item, Fact):
        assert item.key, f"{item} has no key"
        assert isinstance(item.value, str | float | int), f"{item} is no scalar"
    elif isinstance(item, Mark):
        assert isinstance(item.kind, MarkKind), f"{item} is of no known kind"
        assert item.step is None or item.step >= 0, f"{item} has a step below 0"
    else:
        assert item.why, f"{item} does not say why"


@dataclass
class Read:
    """All that was read from a source, whatever blocks it came in."""

    points: dict[tuple[str, str], list[Block]] = field(default_factory=lambda: defaultdict(list))
    series: set[SeriesInfo] = field(default_factory=set)
    items: list[Fact | Mark | Unread] = field(default_factory=list)

    @classmethod
    def of(cls, blocks: Iterable[Block], contents: Mapping[str, bytes]) -> Read:
        """Collect blocks, each of them checked."""
        read = cls()
        for block in blocks:
            check_block(block, contents)
            read.series.update(block.series)
            read.items += [*block.facts, *block.marks, *block.unread]
            for code in np.unique(block.code).tolist():
                read.points[block.file, block.series[code].name].append(_only(block, block.code == code))
        return read

    def said(self) -> dict[str, object]:
        """Everything in a form that can be compared, by what it is."""
        return {
            "series": sorted(map(repr, self.series)),
            "facts, marks and unread lines": sorted(map(repr, self.items)),
            **{f"points of {name} in {file}": _bytes(blocks) for (file, name), blocks in sorted(self.points.items())},
        }

    def unordered(self) -> list[str]:
        """The series whose points do not come in the order of their lines."""
        return [name for (_, name), blocks in self.points.items() if (np.diff(_joined(blocks)[2]) < 0).any()]


def _only(block: Block, keep: NDArray[np.bool_]) -> Block:
    time = None if block.time is None else block.time[keep]
    return Block(
        block.file, block.series, block.code[keep], block.step[keep], block.value[keep], block.line[keep], time
    )


def _joined(blocks: Sequence[Block]) -> tuple[IntArray, FloatArray, IntArray, FloatArray]:
    """Step, value, line and time of all points."""
    never = [np.full(len(block.value), np.nan) if block.time is None else block.time for block in blocks]
    return (
        np.concatenate([block.step for block in blocks]),
        np.concatenate([block.value for block in blocks]),
        np.concatenate([block.line for block in blocks]),
        np.concatenate(never),
    )


def _bytes(blocks: Sequence[Block]) -> tuple[bytes, ...]:
    """The columns so that NaN equals NaN whatever its bits."""
    step, value, line, time = _joined(blocks)
    floats = (np.where(np.isnan(column), np.nan, column).tobytes() for column in (value, time))
    return (step.tobytes(), line.tobytes(), *floats)
