"""Tables with a header: CSV, TSV and what people print in aligned columns, with or without rulers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

import numpy as np

from nanlog.model import Block, Parser, Source
from nanlog_parsers._tables import (
    MEASURED_ON,
    NAMED_BY,
    Chunk,
    Column,
    Points,
    Rows,
    Words,
    counters_of,
    is_telling,
    read_tables,
)

from ._layouts import Layout, layout_of

__all__ = ["PARSER", "Table"]

_SURE, _LIKELY = 0.5, 0.3
#: What TensorBoard's scalars are downloaded as: a file for each run and tag, which it names after both.
_DOWNLOAD = ("Wall time", "Step", "Value")
_DOWNLOADED = re.compile(
    r"(?:run[-_])?(?P<run>.{0,200}?(?P<evaluation>(?<![A-Za-z])(?:val|valid|validation|eval|evaluation))?)[-_]tag[-_]"
    r"(?P<tag>.{1,200})"
)


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
    points = Points(file, file, source.files)
    pieces = layout.pieces(source.pieces(file))
    words = MEASURED_ON | set(NAMED_BY)
    for chunk in read_tables(pieces, delimiters=layout.header.delimiter, words=words):
        rows = _downloaded(chunk, file) if chunk.header.names == _DOWNLOAD else _rows(chunk)
        yield points.block(list(rows), unread=chunk.unread)
    yield from points.finish()


def _rows(chunk: Chunk) -> Iterator[Rows]:
    """The rows of a chunk; those measured on other data, or that hold the value of another series, apart."""
    names = chunk.header.names
    columns = {names[position]: column for position, column in chunk.columns.items()}
    of_numbers = tuple(name for position, name in enumerate(names) if position not in chunk.of_words)
    every = Rows(chunk.line, of_numbers, columns)
    words = {names[position].lower(): words for position, words in chunk.words.items()}
    named = next((words[key] for key in NAMED_BY if key in words), None)
    value = next((name for name in names if name.lower() == "value"), None)
    if named is not None and value is not None:
        for word, rows in _divided(every, named):
            yield Rows(rows.line, *_called(word or value, value, rows))
        return
    data = next((words[key] for key in words if key in MEASURED_ON), None)
    if data is None:
        yield every
        return
    for word, rows in _divided(every, data):
        yield Rows(rows.line, rows.names, rows.columns, word)


def _downloaded(chunk: Chunk, file: str) -> Iterator[Rows]:
    """The value under the name that the file has: ``run-validation-tag-epoch_loss.csv``, ``loss.csv``."""
    stem = PurePath(file).stem
    found = _DOWNLOADED.fullmatch(stem)
    tag = stem if found is None else found["tag"]
    split = "" if found is None else found["evaluation"] or ""
    columns = dict(zip((*_DOWNLOAD[:2], tag), (chunk.columns.get(place) for place in range(3)), strict=True))
    held = {name: column for name, column in columns.items() if column is not None}
    yield Rows(chunk.line, tuple(columns), held, split)


def _called(name: str, value: str, rows: Rows) -> tuple[tuple[str, ...], dict[str, Column]]:
    """The names and columns of rows whose ``value`` is that of ``name``."""
    names = (*counters_of(rows.names), value)
    columns = {name if each == value else each: rows.columns[each] for each in names if each in rows.columns}
    return (*names[:-1], name), columns


def _divided(rows: Rows, words: Words) -> Iterator[tuple[str, Rows]]:
    """The rows beside each of the words, and those beside none."""
    for code in np.unique(words.code).tolist():
        keep = words.code == code
        columns = {name: kept for name, column in rows.columns.items() if len(kept := column.where(keep))}
        yield words.distinct[code] if code >= 0 else "", Rows(rows.line[keep], rows.names, columns)


PARSER: Parser = Table()
