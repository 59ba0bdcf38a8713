"""Single lines of a file, as they stand in it: what a report quotes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import numpy as np

from nanlog.model import Piece, Source

__all__ = ["LONGEST_QUOTE", "quoted_lines"]

LONGEST_QUOTE = 4000  #: characters of one line

_PROBE = 8192
_REWRITES = re.compile(rb"[\r\x08\n]+")
_TERMINAL = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78A-M])")
_NOT_FINITE = re.compile(rb"(?<![a-z])-?(?:nan|inf|infinity)(?![a-z])", re.IGNORECASE)


def quoted_lines(source: Source, file: str, wanted: Collection[int]) -> dict[int, str] | None:
    """The lines of ``file`` by their numbers, those that it has; None where the file holds no text.

    Of a line that a progress bar wrote over and over again it is the first state that shows NaN or infinity, or the
    last one; colours and moves of the cursor are left out.  Other control characters stay: cleaning is up to whoever
    prints the line.  Raises :class:`~nanlog.errors.UnreadableError` when the file cannot be opened.
    """
    if b"\0" in source.head(file, _PROBE):
        return None
    numbers = np.unique(np.array([number for number in wanted if number > 0], np.int64))
    found: dict[int, str] = {}
    for piece in source.pieces(file) if len(numbers) else ():
        for number, line in _lines(piece, numbers):
            found.setdefault(number, _telling(line))
        if piece.first_line > numbers[-1] or len(found) == len(numbers):
            break
    return found


def _lines(piece: Piece, numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Iterator[tuple[int, bytes]]:
    """Those of the lines that begin in the piece; the rest of one that an earlier piece began is left out."""
    data = piece.data
    if numbers[-1] < piece.first_line:
        return
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    starts = np.concatenate([[0], ends + 1])
    for number in numbers[(numbers >= piece.first_line) & (numbers < piece.first_line + len(starts))]:
        index = int(number) - piece.first_line
        start, end = int(starts[index]), int(ends[index]) if index < len(ends) else len(data)
        if start < len(data) and not (index == 0 and piece.continues):
            yield int(number), data[start:end]


def _telling(line: bytes) -> str:
    states = [state for state in _REWRITES.split(_TERMINAL.sub(b"", line)) if state.strip()] or [b""]
    chosen = next((state for state in states if _NOT_FINITE.search(state)), states[-1])
    text = chosen.decode("utf-8", "backslashreplace").rstrip()
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"
