"""Which rows of a grid are named: all where there is room, else the beginnings of blocks and the rows to look at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from nanlog.plot._network_order import parts_of

__all__ = ["named_rows"]


def named_rows(names: Sequence[str], always: Sequence[int], room: int) -> dict[int, str]:
    """The rows that get a name and which, from the top.

    At most ``room`` names are chosen beside those of the rows in ``always``, which push out what is too near to them.
    Names of blocks (``layers.12`` for the first row of all that begins so) stand for their rows.
    """
    if len(names) <= room:
        return dict(enumerate(names))
    blocks = _blocks(names, room)
    each = -(-len(blocks) // room)
    apart = len(names) / room
    kept: dict[int, str] = {}
    for row, name in list(blocks.items())[::each]:
        near = [*always, *list(kept)[-1:]]
        if all(abs(row - other) >= apart for other in near):
            kept[row] = name
    return dict(sorted({**kept, **{row: names[row] for row in _spaced(always, apart)}}.items()))


def _spaced(rows: Sequence[int], apart: float) -> list[int]:
    kept: list[int] = []
    for row in sorted(rows):
        if not kept or row - kept[-1] >= apart:
            kept.append(row)
    return kept


def _blocks(names: Sequence[str], room: int) -> dict[int, str]:
    """The rows at which blocks begin, and the common beginning of their names: as deep as gives names enough."""
    paths = [parts_of(name) for name in names]
    found: dict[int, str] = {0: names[0]}
    for depth in range(1, max(map(len, paths)) + 1):
        heads = [path[:depth] for path in paths]
        starts = [0, *(k for k, (one, other) in enumerate(pairwise(heads), start=1) if one != other)]
        found = {k: _head(names[k], heads[k]) for k in starts}
        if len(found) >= room // 2:
            break
    return found


def _head(name: str, parts: Sequence[str]) -> str:
    """The beginning of a name that holds these parts, with what stands between them."""
    at = 0
    for part in parts:
        at = name.index(part, at) + len(part)
    return name[:at]
