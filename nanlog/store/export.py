"""The points of a run as one table in one file, for other programs; read and written in parts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from nanlog.errors import StoreError
from nanlog.printable import printable

from .arrow import text
from .entries import damaged, read_entry

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["WRITERS", "series_sizes", "stored_points"]

#: So many points are in memory at once.
_ROWS = 1 << 16
_LONGEST = 1 << 20  #: no name is shortened


def series_sizes(root: Path, run_id: str) -> dict[str, int]:
    """How many points each series of a stored run has, in the order in which they lie.

    Raises ``StoreError`` where there is no such run, or its files are damaged.
    """
    return read_entry(root, run_id, _sizes)


def stored_points(root: Path, run_id: str, names: Collection[str]) -> Iterator[pa.Table]:
    """The points of some series of a stored run, part by part, in the order in which they lie; one part at least.

    A run that is replaced meanwhile is read on as it was.  Raises ``StoreError`` like :func:`series_sizes`, perhaps
    only when the first parts have been read.
    """
    sizes, points = read_entry(root, run_id, lambda folder: (_sizes(folder), _opened(folder / "points")))
    with closing(points):
        yield points.schema_arrow.empty_table()
        try:
            yield from _chosen(points, _stretches(sizes, names))
        except (OSError, ValueError) as error:  # how pyarrow says that a file is damaged
            raise StoreError(damaged(root, run_id, error)) from error


def _chosen(points: pq.ParquetFile, stretches: list[tuple[int, int]]) -> Iterator[pa.Table]:
    """The rows of the stretches; groups of rows that hold none of them are not read."""
    import pyarrow as pa

    group_begin = 0
    for group in range(points.num_row_groups):
        group_end = group_begin + points.metadata.row_group(group).num_rows
        if any(begin < group_end and group_begin < end for begin, end in stretches):
            place = group_begin
            for batch in points.iter_batches(_ROWS, row_groups=[group]):
                batch.validate(full=True)
                for begin, end in stretches:
                    first, beyond = max(begin - place, 0), min(end - place, len(batch))
                    if first < beyond:
                        yield pa.Table.from_batches([batch.slice(first, beyond - first)])
                place += len(batch)
        group_begin = group_end


def _stretches(sizes: dict[str, int], names: Collection[str]) -> list[tuple[int, int]]:
    """Where the series lie: first row and the one beyond the last, neighbours joined."""
    stretches: list[tuple[int, int]] = []
    place = 0
    for name, size in sizes.items():
        if name in names and size:
            if stretches and stretches[-1][1] == place:
                stretches[-1] = stretches[-1][0], place + size
            else:
                stretches.append((place, place + size))
        place += size
    return stretches


def _sizes(folder: Path) -> dict[str, int]:
    with closing(_opened(folder / "series")) as file:
        rows = file.read(columns=["name", "points"]).to_pylist()
    return {row["name"]: row["points"] for row in rows}


def _opened(folder: Path) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    return pq.ParquetFile(folder / "part-0.parquet", page_checksum_verification=True)


def _as_csv(parts: Iterable[pa.Table], out: BinaryIO) -> int:
    """A header and one line for each point; returns how many.

    Numbers are as short as can be read back exactly: ``nan``, ``inf`` or ``-inf`` where they are not finite, nothing
    where the log says nothing.  Names are as they are but for control characters, which are escaped.
    """
    import pyarrow.csv

    rows = 0
    writer: Any = None
    for part in map(_plain, parts):
        writer = writer or pyarrow.csv.CSVWriter(out, part.schema)
        writer.write_table(part)
        rows += len(part)
    writer.close()
    return rows


def _as_parquet(parts: Iterable[pa.Table], out: BinaryIO) -> int:
    """The columns as they are in the store; returns the number of rows."""
    import pyarrow.parquet as pq

    rows = 0
    writer: Any = None
    for part in parts:
        writer = writer or pq.ParquetWriter(out, part.schema, compression="zstd")
        writer.write_table(part)
        rows += len(part)
    writer.close()
    return rows


def _plain(part: pa.Table) -> pa.Table:
    """With texts in place of dictionaries, which CSV has not, and without control characters."""
    import pyarrow as pa

    for index, field in enumerate(part.schema):
        if pa.types.is_dictionary(field.type):
            column = cast("pa.DictionaryArray[Any, Any]", part.column(index).unify_dictionaries().combine_chunks())
            known = text([printable(str(word), _LONGEST) for word in column.dictionary.to_pylist()])
            texts = pa.DictionaryArray.from_arrays(column.indices, known).dictionary_decode()
            part = part.set_column(index, pa.field(field.name, texts.type), texts)
    return part


#: Writes parts of one table, of which there is one at least, to a file, and returns how many rows there were.
WRITERS: dict[str, Callable[[Iterable[pa.Table], BinaryIO], int]] = {"csv": _as_csv, "parquet": _as_parquet}
