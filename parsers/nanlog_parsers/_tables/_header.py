"""Which line is a header, and what separates its cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ._cells import ABSENT, cell, is_number

__all__ = ["DELIMITERS", "Header", "cells_of", "find_header", "header_of", "repeats"]

DELIMITERS = ",\t;|"
_LONGEST_NAME = 500
_MOST_COLUMNS = 100_000
#: A header with less text before it than this is found.
_SEARCHED_LINES = 400
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]{1,15},[0-9]{1,18}(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
_HAS_LETTER = re.compile(r"[^\W\d_]|loss")


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns, made distinct, the line they stand in (1-based), and the line's own bytes.

    ``decimal`` is the decimal point; some countries write a comma, and ``;`` between the cells.
    """

    names: tuple[str, ...]
    delimiter: str
    line: int
    text: bytes
    decimal: str = "."

    def __len__(self) -> int:
        return len(self.names)


def cells_of(text: str, delimiter: str) -> list[str]:
    """The cells of one line, without quotes and blanks around them."""
    if '"' not in text:
        return [part.strip() for part in text.split(delimiter)]
    try:
        rows = list(csv.reader([text], delimiter=delimiter, skipinitialspace=True))
    except csv.Error:  # a cell longer than the module allows
        return [part.strip(' "') for part in text.split(delimiter)]
    return [part.strip() for part in rows[0]] if rows else []


def header_of(text: bytes, delimiter: str, line: int) -> Header | None:
    """Read a line as a header: names, most of them distinct words, and no numbers."""
    if not 0 < len(text) <= _MOST_COLUMNS * 50:
        return None
    names = cells_of(text.decode("utf-8", "replace").lstrip("#% ").strip("\r\n"), delimiter)
    named = [name for name in names if name]
    if not 2 * len(named) >= len(names) or len(names) > _MOST_COLUMNS:
        return None
    if any(len(name) > _LONGEST_NAME or is_number(name) for name in named) or not _are_words(named):
        return None
    return Header(_distinct(names), delimiter, line, text.rstrip(b"\r\n"))


def repeats(text: bytes, header: Header, line: int) -> Header | None:
    """Read a line as a later header of the same file: it shares a name with the one before."""
    later = header_of(text, header.delimiter, line)
    if later is None or not set(later.names) & set(header.names) - {""}:
        return None
    return replace(later, decimal=header.decimal)


def find_header(data: bytes, first_line: int, delimiters: Sequence[str] = DELIMITERS) -> tuple[Header, int] | None:
    """The first header in ``data`` that a row of as many cells follows, and where its line begins."""
    start = 0
    lines: list[tuple[int, int, bytes]] = []
    for number in range(_SEARCHED_LINES):
        if start >= len(data):
            break
        end = data.find(b"\n", start) + 1 or len(data)
        if data[start:end].strip():
            lines.append((first_line + number, start, data[start:end]))
        start = end
    for index, (line, begin, text) in enumerate(lines[:-1]):
        for delimiter in sorted(delimiters, key=lambda each: -text.count(each.encode())):
            header = header_of(text, delimiter, line) if delimiter.encode() in text else None
            if header is not None and (decimal := _decimal(lines[index + 1][2], header)):
                return replace(header, decimal=decimal), begin
    return None


def _decimal(text: bytes, header: Header) -> str | None:
    """The decimal point of a row: as many cells as the header, one of them a number; None for what is no row."""
    cells = cells_of(text.decode("utf-8", "replace").strip("\r\n"), header.delimiter)
    if len(cells) != len(header):
        return None
    if header.delimiter != "," and any(map(_DECIMAL_COMMA.fullmatch, cells)):
        return ","
    return "." if any(map(is_number, cells)) else None


def _are_words(names: Sequence[str]) -> bool:
    return all(_HAS_LETTER.search(name) for name in names) and not all(_reads(name) for name in names)


def _reads(name: str) -> bool:
    try:
        cell(name)
    except ValueError:
        return name in ABSENT
    return True


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names as they are, a repeated one with ``.1``, ``.2`` behind it."""
    taken: dict[str, int] = {}
    distinct = []
    for name in names:
        times = taken.get(name, 0)
        taken[name] = times + 1
        distinct.append(f"{name}.{times}" if times and name else name)
    return tuple(distinct)
