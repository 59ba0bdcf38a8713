"""Reads all lines of one shape at once, a number at a time for all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nanlog_parsers._tables import ABSENT, Column
from nanlog_parsers._tables._arrays import only_array, readable, valid, values_of

from ._shapes import Shape

__all__ = ["Lines", "Matched", "matched"]

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: If more lines are of another shape, they are sorted out before: a call for each costs less than to copy the others.
_MOST_MISFITS = 1000


class Lines:
    """Whole lines of a file and their numbers; the number of the first is enough if they are neighbours."""

    def __init__(self, data: bytes, number: IntArray | int) -> None:
        self.data = data
        self.ends = _ends(data)
        self.number = number + np.arange(len(self.ends)) if isinstance(number, int) else number

    def __len__(self) -> int:
        return len(self.number)

    def where(self, keep: BoolArray) -> Lines:
        return self if keep.all() else Lines(_some(self.data, self.ends, keep), self.number[keep])

    def line(self, index: int) -> bytes:
        return self.data[int(self.ends[index - 1]) + 1 if index else 0 : int(self.ends[index])]


#: More than is one: what is taken for one is read by itself.
_LIKE_A_NUMBER = (
    r"^(?:[-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|(?i:nan|inf|infinity|nan\(.*|1\.#.*))(?:\.0|%)?|tensor\(.*|\[.*|"
    + "|".join(map(re.escape, sorted(ABSENT)))
    + ")$"
)


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The columns of the lines of a shape by name, the numbers of those lines, and which of all lines they are."""

    columns: dict[str, Column]
    number: IntArray
    fits: BoolArray


def matched(lines: Lines, shape: Shape, *, sort_out: bool = False) -> Matched | None:
    """Read the lines that have the shape; None where that cannot be done for these lines.

    A line has the shape when it has as many pieces, the fixed ones are the same, as much punctuation was left out, and
    the numbers are numbers.
    """
    text = shape.translated(lines.data)
    ends = _ends(text)
    fits = np.diff(lines.ends - ends, prepend=0) == shape.shorter
    if sort_out:
        blanks = np.flatnonzero(np.frombuffer(text, np.uint8) == ord(" "))
        fits &= np.diff(np.searchsorted(blanks, ends), prepend=0) == shape.width - 1
    if np.count_nonzero(~fits) > _MOST_MISFITS or sort_out:
        text = _some(text, ends, fits)
        which = np.flatnonzero(fits)
    else:
        which = np.arange(len(fits))
    if not len(text):
        return Matched({}, lines.number[:0], fits)
    misfits: list[int] = []
    table = _read(text, shape, misfits, as_text=False) or _read(text, shape, misfits, as_text=True)
    if table is None:
        return None if sort_out else matched(lines, shape, sort_out=True)
    if table.num_rows + len(misfits) != len(which):
        return None  # a bare \r
    is_row = np.ones(len(which), np.bool_)
    is_row[np.array(misfits, np.int64) - 1] = False
    which = which[is_row]
    good = fits[which] & _is_fixed(table, shape) & _is_text(table, shape)
    columns = {}
    for name, piece in shape.numbers.items():
        array = only_array(table.column(str(piece)))
        columns[name], odd = values_of(array)
        good[[row for row, _ in odd]] = False
        good &= ~_is_empty(array)
    fits = np.zeros(len(lines), np.bool_)
    fits[which[good]] = True
    if not good.all():
        columns = {name: column.where(good) for name, column in columns.items()}
    columns = {name: column for name, column in columns.items() if len(column)}
    return Matched(columns, lines.number[fits], fits)


def _ends(data: bytes) -> IntArray:
    return np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))


def _some(data: bytes, ends: IntArray, keep: BoolArray) -> bytes:
    """The lines of ``data``, which end at ``ends``, that are to be kept."""
    starts = np.concatenate(([0], ends + 1))
    edges = np.flatnonzero(np.diff(keep, prepend=False, append=False))
    if len(edges) < len(keep) // 4:
        cuts = starts[edges].tolist()
        return b"".join([data[begin:end] for begin, end in zip(cuts[::2], cuts[1::2], strict=True)])
    return np.frombuffer(data, np.uint8)[np.repeat(keep, np.diff(starts))].tobytes()


def _read(text: bytes, shape: Shape, misfits: list[int], *, as_text: bool) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    def misfit(row: csv.InvalidRow) -> Literal["skip", "error"]:
        misfits.append(row.number or 0)
        return "skip" if len(misfits) < _MOST_MISFITS else "error"

    misfits.clear()
    types: dict[str, Any] = {str(piece): pa.binary() for piece in shape.fixed}
    types |= {str(piece): pa.string() for piece in shape.texts}
    types |= {str(piece): pa.string() if as_text else pa.float64() for piece in shape.numbers.values()}
    source: Any = pa.BufferReader(readable(text))
    try:
        return csv.read_csv(
            source,
            read_options=csv.ReadOptions(
                column_names=[str(piece) for piece in range(shape.width)], use_threads=False, block_size=len(text) + 1
            ),
            parse_options=csv.ParseOptions(
                delimiter=" ", quote_char=False, ignore_empty_lines=False, invalid_row_handler=misfit
            ),
            convert_options=csv.ConvertOptions(
                check_utf8=False,
                column_types=types,
                null_values=["null"],
                strings_can_be_null=as_text,
                include_columns=list(types),
            ),
        )
    except pa.ArrowInvalid:
        return None


def _is_fixed(table: Any, shape: Shape) -> BoolArray:
    """Say which rows hold the words of the shape."""
    same = np.ones(table.num_rows, np.bool_)
    for piece, word in shape.fixed.items():
        array: Any = only_array(table.column(str(piece)))
        _, offsets, content = array.buffers()
        ends = np.frombuffer(offsets, np.int32)[: len(array) + 1]
        if not array.null_count and np.all(np.diff(ends) == len(word)) and content == len(array) * word:
            continue
        same &= np.array([text == word for text in array.to_pylist()], np.bool_)
    return same


def _is_empty(array: Any) -> BoolArray:
    """Say which rows of an array that may be of text have nothing where a number belongs."""
    import pyarrow as pa

    if not pa.types.is_string(array.type):
        return np.zeros(len(array), np.bool_)
    ends: NDArray[np.int32] = np.frombuffer(array.buffers()[1], np.int32)[: len(array) + 1]
    is_empty: BoolArray = (np.diff(ends) == 0) & valid(array)
    return is_empty


def _is_text(table: Any, shape: Shape) -> BoolArray:
    """Say in which rows no string that does not matter may be a number, or stand for none."""
    from pyarrow import compute

    text: BoolArray = np.ones(table.num_rows, np.bool_)
    for piece in shape.texts:
        found = compute.match_substring_regex(only_array(table.column(str(piece))), _LIKE_A_NUMBER)
        text &= ~found.fill_null(fill_value=True).to_numpy(zero_copy_only=False)
    return text
