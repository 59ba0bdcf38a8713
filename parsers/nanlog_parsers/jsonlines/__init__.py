"""JSON: one object a line, with whatever keys; arrays of objects, and objects of lists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from nanlog.model import Block, Parser, Piece, Source
from nanlog_parsers._tables import Points, ahead, is_telling

from ._documents import rows_of_document
from ._lines import LineReader, object_in
from ._records import Record, record

__all__ = ["PARSER", "JsonLines"]

_SURE, _LIKELY = 0.6, 0.5
#: So many lines of the head are tried, so many bytes of a document.
_TRIED, _TRIED_BYTES = 60, 8192


class JsonLines:
    """Reads JSON; see the module."""

    name = "jsonlines"
    title = "JSON lines with any keys, JSON after a log prefix (fairseq), arrays of objects, lists of values"
    gives = ("every number under every key", "losses, rates and gradient norms by their names", "validation rows")

    def score(self, file: str, head: bytes) -> float:
        if _is_document(head):
            pieces = [Piece(file, head[:_TRIED_BYTES], 1)]
            found = chain.from_iterable(rows_of_document(pieces))
            return _LIKELY if any(is_telling(rows.names) for rows in found) else 0.0
        lines, objects = _objects(head)
        if not any(is_telling(each.values) for each in objects) or len(objects) * 4 < lines:
            return 0.0
        return _SURE if len(objects) * 2 > lines else _LIKELY

    def read(self, source: Source) -> Iterator[Block]:
        for file in source.files:
            points = Points(file, file, source.files)
            if _is_document(source.head(file)):
                for found in rows_of_document(source.pieces(file)):
                    yield points.block(found)
            else:
                for read in ahead(LineReader(file).read, source.pieces(file)):
                    yield points.block(read.rows, unread=read.unread, marks=read.marks, facts=read.facts)
            yield from points.finish()


def _is_document(head: bytes) -> bool:
    """Whether the text is one object or array, and not an object in each line."""
    return head.lstrip()[:1] in (b"[", b"{") and not _objects(head)[1]


def _objects(head: bytes) -> tuple[int, list[Record]]:
    """How many lines were tried, and the objects with numbers that were found in them."""
    lines = [line for line in head.split(b"\n")[:_TRIED] if line.strip(b" \t\r[]")]
    if len(lines) > 1 and not head.endswith(b"\n"):
        lines.pop()  # it may go on
    objects = []
    for line in lines:
        if (found := object_in(line)) is not None:
            with suppress(ValueError):
                objects.append(record(found[1]))
    return len(lines), [each for each in objects if each.values]


PARSER: Parser = JsonLines()
