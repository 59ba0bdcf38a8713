"""Tables of numbers, one row a line below a header, cells divided by a character: read in columns, exactly.

What a metrics.csv is made of is read by pyarrow a piece of the file at a time.  Whatever is odd in a piece (a second
header, a quoted line end, a bare ``\\r``) sends that piece down a plain way that takes every line on its own; both give
the same rows, values and lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from nanlog.model import Piece

from ._ahead import ahead
from ._arrow import arrow_chunk
from ._cells import ABSENT, cell, is_absent, is_number
from ._chunk import Chunk, Column, Words
from ._counters import counter_of, counters_of
from ._header import DELIMITERS, Header, cells_of, find_header
from ._kinds import Kinds
from ._plain import plain_chunks
from ._points import Points
from ._roles import MEASURED_ON, NAMED_BY, has_loss, is_telling
from ._rows import Rows

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
    "ahead",
    "cell",
    "cells_of",
    "counter_of",
    "counters_of",
    "find_header",
    "has_loss",
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
    whole = _joined(_whole_lines(pieces))
    for piece in whole:
        found = find_header(piece.data, piece.first_line, delimiters)
        if found is not None:
            header, start = found
            kinds = Kinds(header, words)
            yield from _sampled(Piece(piece.file, piece.data[start:], header.line), kinds)
            for rest, early, chunk in ahead(_early, ((piece, kinds.copy()) for piece in whole)):
                yield from _chunks(rest, kinds, chunk if early.agrees(kinds) else _fast(rest, kinds))


def _sampled(piece: Piece, kinds: Kinds) -> Iterator[Chunk]:
    """Read the first piece; its beginning tells which columns hold words."""
    first = piece.data.rfind(b"\n", 0, _SAMPLE) + 1 if len(piece.data) > _SMALL else 0
    yield from plain_chunks(piece.file, piece.data[:first], piece.first_line, kinds)
    rest = Piece(piece.file, piece.data[first:], piece.first_line + piece.data.count(b"\n", 0, first))
    yield from _chunks(rest, kinds, _fast(rest, kinds))


def _early(item: tuple[Piece, Kinds]) -> tuple[Piece, Kinds, Chunk | None]:
    """Read a piece with what is known of the columns before the pieces before it were read."""
    piece, known = item
    return piece, known, _fast(piece, known)


def _fast(piece: Piece, kinds: Kinds) -> Chunk | None:
    """The whole lines of a piece; None where they have to be read one by one."""
    body = piece.data[: piece.data.rfind(b"\n") + 1]
    if len(body) < _SMALL or _has_bare_return(body):
        return None
    return arrow_chunk(piece.file, body, piece.first_line, kinds)


def _chunks(piece: Piece, kinds: Kinds, fast: Chunk | None) -> Iterator[Chunk]:
    if fast is None:
        yield from plain_chunks(piece.file, piece.data, piece.first_line, kinds)
        return
    yield fast
    end = piece.data.rfind(b"\n") + 1
    if end < len(piece.data):
        line = piece.first_line + np.count_nonzero(np.frombuffer(piece.data, np.uint8) == ord("\n"))
        yield from plain_chunks(piece.file, piece.data[end:], int(line), kinds)


def _has_bare_return(data: bytes) -> bool:
    """Say whether there is a ``\\r`` that no ``\\n`` follows."""
    if b"\r" not in data:
        return False
    text = np.frombuffer(data, np.uint8)
    is_return = text == ord("\r")
    return bool(is_return[-1] or np.any(is_return[:-1] & (text[1:] != ord("\n"))))


def _whole_lines(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces with empty lines in place of those that are too long for one."""
    before: Piece | None = None
    for piece in pieces:
        if before is not None:
            yield _until_last_end(before) if piece.continues else before
        before = _from_first_end(piece) if piece.continues else piece
    if before is not None:
        yield before


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same text in pieces that are not small, so that a header and the row after it come together."""
    waiting: list[Piece] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece.data)
        if size >= _SMALL:
            yield _one(waiting)
            waiting, size = [], 0
    if waiting:
        yield _one(waiting)


def _one(pieces: list[Piece]) -> Piece:
    first = pieces[0]
    return first if len(pieces) == 1 else Piece(first.file, b"".join(each.data for each in pieces), first.first_line)


def _until_last_end(piece: Piece) -> Piece:
    return Piece(piece.file, piece.data[: piece.data.rfind(b"\n") + 1], piece.first_line)


def _from_first_end(piece: Piece) -> Piece:
    end = piece.data.find(b"\n")
    return Piece(piece.file, piece.data[end:] if end >= 0 else b"", piece.first_line)
