"""Tables with a header: CSV, TSV and what people print in aligned columns, with or without rulers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nanlog.model import Block, Parser, Source
from nanlog_parsers._tables import MEASURED_ON, NAMED_BY, Chunk, Points, Rows, is_telling, read_tables

from ._layouts import Layout, layout_of

__all__ = ["PARSER", "Table"]

_SURE, _LIKELY = 0.5, 0.3


class Table:
    """Reads tables; see the module."""

    name = "table"
    title = "tables with a header line: CSV, TSV, ; and |, aligned columns, fastai's output"
    gives = ("every column of numbers", "losses, rates and gradient norms by their names")

    def score(self, file: str, head: bytes) -> float:
        layout = layout_of(head)
        if layout is None or not is_telling(layout.header.names) or layout.others > 3 * layout.rows:
            return 0.0
        return _SURE if layout.others <= layout.rows else _LIKELY

    def read(self, source: Source) -> Iterator[Block]:
        for file in source.files:
            layout = layout_of(source.head(file))
            if layout is not None:
                yield from _blocks(source, file, layout)


def _blocks(source: Source, file: str, layout: Layout) -> Iterator[Block]:
    points = Points(file, stream=file)
    pieces = layout.pieces(source.pieces(file))
    words = MEASURED_ON | set(NAMED_BY)
    for chunk in read_tables(pieces, delimiters=layout.header.delimiter, words=words):
        yield points.block(list(_rows(chunk)), unread=chunk.unread)
    yield from points.finish()


def _rows(chunk: Chunk) -> Iterator[Rows]:
    """The rows of a chunk, those measured on other data apart."""
    names = chunk.header.names
    columns = {names[position]: column for position, column in chunk.columns.items()}
    every = Rows(chunk.line, names, columns)
    divided = next((words for position, words in chunk.words.items() if names[position].lower() in MEASURED_ON), None)
    if divided is None:
        yield every
        return
    for code in np.unique(divided.code).tolist():
        split = divided.distinct[code] if code >= 0 else ""
        yield _part(every, divided.code == code, split)


def _part(rows: Rows, keep: NDArray[np.bool_], split: str) -> Rows:
    columns = {name: kept for name, column in rows.columns.items() if len(kept := column.where(keep))}
    return Rows(rows.line[keep], rows.names, columns, split)


PARSER: Parser = Table()
