r"""The states of a text that was written over itself: progress bars, spinners, lines in colour.

A program that draws a progress bar moves the cursor back (``\r``, a run of ``\x08``, cursor up) and writes over what
stands there.  In a file all of it follows one another on one line.  Here such a text becomes a sequence of *states*:
the stretches that were written in one go.

* A state ends at ``\n``, ``\r``, a run of ``\x08``, and where an escape sequence moves the cursor to another line or
  column (``ESC[A``, ``ESC[1G``, ...) or wipes the line (``ESC[2K``) or the screen.
* Other escape sequences (colours, titles, modes) are removed; cursor forward (``ESC[nC``) becomes one blank.
* Blanks and tabs at the end of a state are padding and left out; blanks at its beginning stay.  Empty states are none.
* Each state has the 1-based number, counted in ``\n``, of the line it stands on; lines without a state have none.
* A state goes on over the border of two pieces when its line does (:attr:`nanlog.model.Piece.continues`), up to
  :data:`LONGEST_STATE` bytes; one that is longer comes in parts.

Time is linear in the text; no more is kept than one piece and one state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog.model import Piece

__all__ = ["LONGEST_STATE", "States", "bulk", "states", "without_escapes"]

#: A state that is not ended within a piece is put together with its rest up to this length in bytes.
LONGEST_STATE = 1 << 20

_ESCAPE = b"\x1b"
#: Colours with more characters than this are left to the regular expressions, which are several times slower.
_LONGEST_COLOUR = 10
_MOVES = re.compile(rb"\x1b\[(?:[0-9;]{0,16}[ABEFGHJdf]|[12]K)|\x1b[DEM8]")
_FORWARD = re.compile(rb"\x1b\[[0-9]{0,8}C")
_OTHERS = re.compile(
    rb"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI
    rb"|[\]PX^_][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)"  # OSC and other strings
    rb"|[ -/]{1,4}[0-~]|[0-~])?"  # character sets, two-byte sequences, an escape character alone
)
_NEWLINE, _RETURN, _BACKSPACE, _BLANK, _TAB = 10, 13, 8, 32, 9
#: So many blanks are taken off all states together; the rest of longer paddings is taken off one by one.
_TOGETHER = 32


@dataclass(frozen=True, slots=True, eq=False)
class States:
    r"""The states of one piece as columns: state k is ``text[start[k]:end[k]]`` and stands on line ``line[k]``.

    ``text`` has no escape sequences; what separates states is still in it, between them.
    """

    text: bytes
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    line: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Line and content of each state; bytes that are no UTF-8 become U+FFFD."""
        spans = zip(self.line.tolist(), self.start.tolist(), self.end.tolist(), strict=True)
        return ((line, self.text[start:end].decode("utf-8", "replace")) for line, start, end in spans)


def states(pieces: Iterable[Piece]) -> Iterator[tuple[int, str]]:
    r"""Yield line and content of each state of a file.

    >>> bar = b"Epoch 1/2\n 1/9 - loss: 2.5\x08\x08\x08\r\x1b[1m9/9\x1b[0m - loss: nan  \n"
    >>> list(states([Piece("train.log", bar, 1)]))
    [(1, 'Epoch 1/2'), (2, ' 1/9 - loss: 2.5'), (2, '9/9 - loss: nan')]
    """
    for found in bulk(pieces):
        yield from found


def bulk(pieces: Iterable[Piece]) -> Iterator[States]:
    """Yield the states of a file as columns, one :class:`States` for each piece (a few more where lines are long)."""
    waiting = b""
    line = 1
    for piece in pieces:
        if waiting and not piece.continues:
            yield _split(waiting, line)
            waiting = b""
        data, line = waiting + piece.data, piece.first_line
        waiting = b"" if data.endswith(b"\n") else _unfinished(data)
        whole = len(data) - len(waiting)
        if whole:
            yield _split(data[:whole], line)
        if waiting:
            line += data.count(b"\n")
    if waiting:
        yield _split(waiting, line)


def without_escapes(text: bytes) -> bytes:
    r"""Remove escape sequences; those that begin a new state become ``\r``.

    >>> without_escapes(b"\x1b[32mloss\x1b[0m: 1\x1b[2Kloss: 2")
    b'loss: 1\rloss: 2'
    """
    if _ESCAPE not in text:
        return text
    text = _without_colours(text)
    if _ESCAPE not in text:
        return text
    return _OTHERS.sub(b"", _FORWARD.sub(b" ", _MOVES.sub(b"\r", text)))


def _without_colours(text: bytes) -> bytes:
    """Remove ``ESC[...m``, which is nearly all there is where bars are drawn in colour."""
    content = np.frombuffer(text + bytes(_LONGEST_COLOUR), np.uint8)
    begin = np.flatnonzero(content == _ESCAPE[0])
    begin = begin[content[begin + 1] == ord("[")]
    kept = np.ones(len(text), np.bool_)
    for length in range(2, _LONGEST_COLOUR):
        last = content[begin + length]
        ended = begin[last == ord("m")]
        for place in range(length + 1):
            kept[ended + place] = False
        begin = begin[(last >= ord("0")) & (last <= ord(";"))]
        if not len(begin):
            break
    return content[: len(text)][kept].tobytes()


def _unfinished(data: bytes) -> bytes:
    """What follows the last separator; nothing if it is too long to be put together with its rest."""
    cut = max(data.rfind(separator, -LONGEST_STATE) for separator in (b"\n", b"\r", b"\x08")) + 1
    return data[cut:] if len(data) - cut < LONGEST_STATE else b""


def _split(data: bytes, first_line: int) -> States:
    text = without_escapes(data)
    content = np.frombuffer(text, np.uint8)
    separates = np.ones(len(content) + 2, np.bool_)
    np.equal(content, _NEWLINE, out=separates[1:-1])
    feeds = np.flatnonzero(separates[1:-1])
    separates[1:-1] |= content == _RETURN
    separates[1:-1] |= content == _BACKSPACE
    borders = np.flatnonzero(separates[1:] != separates[:-1])
    start, end = borders[::2], borders[1::2]
    end = _without_padding(text, content, start, end)
    kept = np.flatnonzero(end > start)
    if len(kept) < len(start):
        start, end = start[kept], end[kept]
    return States(text, start, end, first_line + np.searchsorted(feeds, start))


def _without_padding(
    text: bytes, content: NDArray[np.uint8], start: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    end = end.copy()
    rows = np.arange(len(end))
    for _ in range(_TOGETHER):
        last = content[end[rows] - 1]
        rows = rows[((last == _BLANK) | (last == _TAB)) & (end[rows] > start[rows])]
        if not len(rows):
            return end
        end[rows] -= 1
        rows = rows[end[rows] > start[rows]]
    for row in rows.tolist():
        end[row] = start[row] + len(text[start[row] : end[row]].rstrip(b" \t"))
    return end
