"""Tables in a log: a line of names, and below it lines of nothing but numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ._phrase import Number

__all__ = ["NO_HEADER", "Header", "header_of"]

_CELL = re.compile(r"\S+")
_RULED_CELL = re.compile(r"[^|+\s](?:[^|]{0,80}[^|\s])?")
_NAME = re.compile(r"[A-Za-z][\w@./:%()\[\]-]{0,40}", re.ASCII)
#: What may stand below a name: a number, a time, nothing.
_VALUE = re.compile(r"[-+]?(?:\.?[0-9]|nan|inf|none|null|n/a|-+$|\?$)", re.IGNORECASE)
_FEWEST = 3
_WIDEST = 4000
#: Progress tables of object detectors name three losses by what they are of.
_PARTS_OF_A_LOSS = {"box", "obj", "cls", "dfl"}


@dataclass(frozen=True, slots=True)
class Header:
    """Names of columns, with begin and end in the line."""

    cells: tuple[tuple[str, int, int], ...] = ()
    ruled: bool = False

    def __bool__(self) -> bool:
        return bool(self.cells)

    def named(self, line: str, numbers: Sequence[Number]) -> list[Number]:
        """Give each number the name of its column; the second number of a cell stays without one."""
        row = _cells(line, self.ruled)
        if not all(_VALUE.match(cell) for cell, _, _ in row[: len(self.cells)]):
            return list(numbers)
        if len(row) >= len(self.cells):
            columns = dict(enumerate(cell[0] for cell in self.cells))
        else:
            columns = {k: name for k, cell in enumerate(row) if (name := self._over(cell)) is not None}
        named: list[Number] = []
        seen: set[int] = set()
        for number in numbers:
            at = next((k for k, (_, begin, end) in enumerate(row) if begin <= number.begin < end), -1)
            name = columns.get(at)
            if name is None or at in seen or number.ignored:
                named.append(number)
                continue
            seen.add(at)
            named.append(replace(number, name=name, phrase=name, joint="=", opened=""))
        return named

    def _over(self, cell: tuple[str, int, int]) -> str | None:
        """The name that is flush with a cell on its left or on its right."""
        _, begin, end = cell
        return next((name for name, first, beyond in self.cells if first == begin or beyond == end), None)


NO_HEADER = Header()


@lru_cache(256)
def header_of(content: bytes) -> Header:
    """The names of columns that a line consists of; none where it holds anything else."""
    if len(content) > _WIDEST:
        return NO_HEADER
    line = content.decode("latin-1")
    ruled = line.lstrip().startswith("|") and line.count("|") > _FEWEST
    cells = _cells(line, ruled)
    if len(cells) < _FEWEST or not all(_NAME.fullmatch(name.replace(" ", "_")) for name, _, _ in cells[:_FEWEST]):
        return NO_HEADER
    if not ruled and _is_sentence(line, [name for name, _, _ in cells]):
        return NO_HEADER
    names = {name.lower() for name, _, _ in cells}
    if len(names & _PARTS_OF_A_LOSS) > 1 and "epoch" in names:
        cells = [(f"{name}_loss" if name.lower() in _PARTS_OF_A_LOSS else name, a, b) for name, a, b in cells]
    return Header(tuple(cells), ruled)


def _is_sentence(line: str, found: list[str]) -> bool:
    """Words with one blank between them, none of them a name that no sentence has."""
    return (
        " ".join(found) == line.strip() and "\t" not in line and not any("_" in word or "/" in word for word in found)
    )


def _cells(line: str, ruled: bool) -> list[tuple[str, int, int]]:
    pattern = _RULED_CELL if ruled else _CELL
    return [(found[0], found.start(), found.end()) for found in pattern.finditer(line)]
