"""The ways in which a table is laid out as text; each becomes lines of cells divided by a character, line for line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from nanlog.model import Piece
from nanlog_parsers._tables import DELIMITERS, Header, cells_of, find_header, is_absent, is_number

__all__ = ["Layout", "layout_of"]

Cells = Callable[[str], list[str]]

#: A table for people is not wider.
_WIDEST = 20_000
_RULER = re.compile(r"[-=+|_:~*# \t\u2500-\u257f]*")
_BARS = {ord(bar): "|" for bar in "\u2502\u2503\u2551\u2506\u250a"}
_TWO_BLANKS = re.compile(r"[ \t]{2,}|\t")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
#: So many lines of the head are tried.
_TRIED = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """How the lines of a file become cells, and the first header.

    ``rows`` and ``others`` count the lines of the head that are rows of the table, and those that are something else.
    """

    header: Header
    rows: int
    others: int
    cells: Cells | None = None

    def pieces(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The same lines with tabs between the cells; lines that are no part of a table are empty."""
        if self.cells is None:
            yield from pieces
            return
        for piece in pieces:
            yield Piece(piece.file, _tabbed(piece.data, self.cells), piece.first_line, piece.continues)


def layout_of(head: bytes) -> Layout | None:
    """The layout in which most lines of the head of a file are rows of a table."""
    lines = head.split(b"\n")
    if len(lines) > 2 and lines[-1]:
        lines.pop()  # it may go on
    if sum(line.startswith(b"{") for line in lines[:_TRIED]) > len(lines[:_TRIED]) // 2:
        return None  # JSON has commas too
    text = b"\n".join(lines[:_TRIED]) + b"\n"
    if b"\x1b" in text:
        tried = [_layout(text, "\t", partial(_split, delimiter)) for delimiter in DELIMITERS]
    else:
        tried = [_layout(text, delimiter, None) for delimiter in DELIMITERS]
    if b"|" in text or b"\xe2" in text:
        tried.append(_layout(text, "\t", _between_bars))
    tried += [_layout(text, "\t", cells) for cells in (_between_wide_blanks, str.split, _with_an_index)]
    # of several that fit as many lines the first: the stricter one
    return max(filter(None, tried), key=lambda layout: layout.rows, default=None)


def _layout(text: bytes, delimiter: str, cells: Cells | None) -> Layout | None:
    shown = text.split(b"\n")
    if cells is not None:
        text = _tabbed(text, cells)
    found = find_header(text, 1, delimiter)
    if found is None:
        return None
    header = found[0]
    rows = others = 0
    for line, as_shown in zip(text.split(b"\n"), shown, strict=True):
        if line.count(delimiter.encode()) + 1 >= len(header) and _has_number(line, delimiter):
            rows += 1
        elif line != header.text and not _is_ruler(as_shown):
            others += 1
    return Layout(header, rows, others, cells)


def _is_ruler(line: bytes) -> bool:
    """Whether a line is blank or has nothing but what frames are drawn with."""
    return _RULER.fullmatch(_ESCAPES.sub("", line.decode("utf-8", "replace")).translate(_BARS).rstrip()) is not None


def _has_number(line: bytes, delimiter: str) -> bool:
    return any(map(is_number, cells_of(line.decode("utf-8", "replace"), delimiter)))


def _tabbed(data: bytes, cells: Cells) -> bytes:
    return b"\n".join(_tabbed_line(line, cells) for line in data.split(b"\n"))


def _tabbed_line(line: bytes, cells: Cells) -> bytes:
    """The cells of a line of names or of a line of numbers; nothing for other lines."""
    if len(line) > _WIDEST:
        return b""
    text = line.rpartition(b"\r")[2] if b"\r" in line.rstrip(b"\r") else line
    shown = _ESCAPES.sub("", text.decode("utf-8", "replace")).translate(_BARS).rstrip()
    if _RULER.fullmatch(shown):
        return b""
    found = [each.strip() for each in cells(shown.removeprefix("#"))]
    numbers = sum(map(is_number, found))
    is_text = numbers > 0 and numbers + sum(map(is_absent, found)) < (len(found) + 1) // 2
    if len(found) < 2 or is_text:
        return b""
    return "\t".join(found).encode()


def _split(delimiter: str, line: str) -> list[str]:
    return line.split(delimiter)


def _between_bars(line: str) -> list[str]:
    return line.strip().removeprefix("|").removesuffix("|").split("|") if "|" in line else []


def _between_wide_blanks(line: str) -> list[str]:
    return _TWO_BLANKS.split(line.strip())


def _with_an_index(line: str) -> list[str]:
    """As pandas prints a frame: the rows have a cell more than the header, which begins with blanks."""
    found = line.split()
    return ["", *found] if line[:1] == " " and not any(map(is_number, found)) else found
