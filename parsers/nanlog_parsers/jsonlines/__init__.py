"""JSON: one object a line, with whatever keys; arrays of objects, and objects of lists."""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.model import Block, Parser, Source
from nanlog_parsers._tables import Points, is_telling

from ._lines import LineReader, object_in
from ._records import record

__all__ = ["PARSER", "JsonLines"]

_SURE, _LIKELY, _POSSIBLE = 0.6, 0.5, 0.3
#: So many lines of the head are tried.
_TRIED = 60


class JsonLines:
    """Reads JSON; see the module."""

    name = "jsonlines"
    title = "JSON lines with any keys, JSON after a log prefix (fairseq), arrays of objects, lists of values"

    def score(self, file: str, head: bytes) -> float:
        lines = [line for line in head.split(b"\n")[:_TRIED] if line.strip()]
        if len(lines) > 1 and not head.endswith(b"\n"):
            lines.pop()  # it may go on
        objects = telling = 0
        for line in lines:
            found = object_in(line)
            if found is None:
                continue
            try:
                read = record(found[1])
            except ValueError:
                continue
            objects += bool(read.values)
            telling += is_telling(read.values)
        if not telling or objects * 4 < len(lines):
            return 0.0
        return _SURE if objects * 2 > len(lines) else _LIKELY

    def read(self, source: Source) -> Iterator[Block]:
        for file in source.files:
            reader = LineReader(file)
            points = Points(file, stream=file)
            for piece in source.pieces(file):
                read = reader.read(piece)
                yield points.block(read.rows, unread=read.unread)


PARSER: Parser = JsonLines()
