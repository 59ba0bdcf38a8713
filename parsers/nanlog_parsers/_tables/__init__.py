"""Tables of numbers, one row a line below a header, cells divided by a character: read in columns, exactly.

What a metrics.csv is made of is read by pyarrow a piece of the file at a time.  Whatever is odd in a piece (a second
header, a quoted line end, a bare ``\\r``) sends that piece down a plain way that takes every line on its own; both give
the same rows, values and lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from nanlog.model import Piece

from ._arrow import arrow_chunk
from ._cells import ABSENT, cell, is_absent, is_number
from ._chunk import Chunk, Column, Words
from ._header import DELIMITERS, Header, find_header
from ._kinds import Kinds
from ._plain import plain_chunks
from ._points import Points, Rows
from ._roles import MEASURED_ON, NAMED_BY, is_telling

__all__ = [
    "ABSENT",
    "DELIMITERS",
    "MEASURED_ON",
    "NAMED_BY",
    "Chunk",
    "Column",
    "Header",
    "Points",
    "Rows",
    "Words",
    "cell",
    "find_header",
    "is_absent",
    "is_number",
    "is_telling",
    "read_tables",
]

#: Below this size the plain way is faster than the import of pyarrow.
_SMALL = 64 << 10
#: From this many bytes of a large file it is learned which columns hold words.
_SAMPLE = 16 << 10


def read_tables(
    pieces: Iterable[Piece], *, delimiters: Sequence[str] = DELIMITERS, words: Collection[str] = ()
) -> Iterator[Chunk]:
    """Read a file that is a table: chunks of rows, in order.

    The header is the first line of words that a row with as many cells follows; what stands before it is passed over.
    A later line of words that repeats a name of the header begins another table (the file was appended to after a
    restart).  Rows of another length, and cells that are no number in a column of numbers, are unread; a last line that
    was cut is not.  Columns of words are left out, but for those whose name in lower case is in ``words``.  A line too
    long for one piece is left out.
    """
    kinds: Kinds | None = None
    for piece in _whole_lines(pieces):
        data, line = piece.data, piece.first_line
        is_first = kinds is None
        if kinds is None:
            found = find_header(data, line, delimiters)
            if found is None:
                continue
            header, start = found
            kinds = Kinds(header, words)
            data, line = data[start:], header.line
        yield from _chunks(piece.file, data, line, kinds, is_first=is_first)


def _chunks(file: str, data: bytes, line: int, kinds: Kinds, *, is_first: bool) -> Iterator[Chunk]:
    first = 0
    if len(data) > _SMALL:
        first = data.rfind(b"\n", 0, _SAMPLE) + 1 if is_first else 0
        last = data.rfind(b"\n") + 1
        if first:
            yield from plain_chunks(file, data[:first], line, kinds)
            line += data.count(b"\n", 0, first)
        body = data[first:last]
        has_bare_return = b"\r" in body and body.count(b"\r") != body.count(b"\r\n")
        chunk = arrow_chunk(file, body, line, kinds) if body and not has_bare_return else None
        if chunk is not None:
            yield chunk
            line += body.count(b"\n")
            first = last
    if first < len(data):
        yield from plain_chunks(file, data[first:], line, kinds)


def _whole_lines(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces without the parts of lines that are too long for one."""
    before: Piece | None = None
    for piece in pieces:
        if before is not None:
            yield _until_last_end(before) if piece.continues else before
        before = _from_first_end(piece) if piece.continues else piece
    if before is not None:
        yield before


def _until_last_end(piece: Piece) -> Piece:
    return Piece(piece.file, piece.data[: piece.data.rfind(b"\n") + 1], piece.first_line)


def _from_first_end(piece: Piece) -> Piece:
    start = piece.data.find(b"\n") + 1
    return Piece(piece.file, piece.data[start:] if start else b"", piece.first_line + bool(start))
