"""Where the numbers of a text stand.

A *word* is a run of letters, digits and ``. _ + - @``; everything else separates words.  A *number* is a word that
begins with a digit (after a sign or a point), up to its last digit: ``12.34`` of ``12.34ms``, ``2026-11-23`` (which is
none that can be read, but stands where one would); and the words nan and inf in any spelling.  ``nanosecond``, ``INFO``
and ``v1.2`` are words like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog_parsers._states import States

__all__ = ["MARGIN", "Lexed", "lex"]

#: Blanks around the text, so that a window at any number lies inside.
MARGIN = 32

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = b"0123456789"
_REST_OF_WORD = b"._+-@"
_IS_WORD = bytes(int(c in _LETTERS + _DIGITS + _REST_OF_WORD) for c in range(256))
#: Words in lower case, with blanks for all that separates them.
_BLANKED = bytes(ord(chr(c).lower()) if _IS_WORD[c] else ord(" ") for c in range(256))

_OTHER, _DIGIT, _SIGN, _LETTER = range(4)
_CLASS = np.zeros(256, np.uint8)
_CLASS[list(_DIGITS)] = _DIGIT
_CLASS[list(b"+-.")] = _SIGN
_CLASS[list(b"nNiI")] = _LETTER
_IS_SUFFIX = np.zeros(256, np.bool_)
_IS_SUFFIX[list(_LETTERS + _REST_OF_WORD)] = True

_LOWER = np.uint64(0x2020202020202020)
_KEEP = np.array([(1 << 8 * width) - 1 for width in range(9)], np.uint64)
#: Width of a word and the word, in lower case, as a little-endian integer.
_NON_FINITE = [
    (len(word), np.uint64(int.from_bytes(word.lower()[:8], "little")))
    for word in (b"nan", b"inf", b"nan.", b"inf.", b"nan.0", b"inf.0", b"infinity", b"infinity.")
]
_PLAIN_WIDTH = 3
_WIDEST = max(width for width, _ in _NON_FINITE)
#: What the reader of numbers takes for one, right-aligned to the same width.
_PLAIN = [
    (b" nan.0", b"   nan"),
    (b" inf.0", b"   inf"),
    (b" -inf.0", b"   -inf"),
    (b" infinity", b"      inf"),
    (b" -infinity", b"      -inf"),
    (b" +infinity", b"       inf"),
]

#: Longer ones are not looked through to their end: nothing that trains prints them.
_LONGEST_SUFFIX = 64
_WIDEST_GAP = 256

#: What MSVC printed before 2015; the point and the cross would cut it in two.
_MSVC = re.compile(rb"1\.#(?:QNAN|SNAN|IND|INF)[0-9]{0,20}", re.IGNORECASE)
#: The bar of tqdm (``%|####5     |``), and the glyphs that bars and frames are drawn with.
_BAR = re.compile(rb"%\|[^|\n\r\x08]{0,400}\|")
_GLYPHS = re.compile(rb"(?:\xe2[\x94-\x96][\x80-\xbf])+")
_WIDE_COLON = "\uff1a".encode()


@dataclass(frozen=True, slots=True, eq=False)
class Lexed:
    """The numbers of a stretch of text, by rows (:class:`~nanlog_parsers._states.States`).

    Row k is ``text[start[k]:end[k]]`` and has the numbers ``first[k]`` to before ``first[k] + count[k]``; number j is
    ``text[begin[j]:beyond[j]]``.  ``gap_end`` and ``gap_start`` are the same with the blanks on its left and on its
    right; ``content`` is where a row begins behind its blanks.  ``blanked`` is the text in lower case with a blank for
    every byte that belongs to no word.
    """

    text: bytes
    blanked: bytes
    start: NDArray[np.int64]
    content: NDArray[np.int64]
    end: NDArray[np.int64]
    line: NDArray[np.int64]
    begin: NDArray[np.int64]
    beyond: NDArray[np.int64]
    gap_end: NDArray[np.int64]
    gap_start: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def row(self, row: int) -> bytes:
        return self.text[self.start[row] : self.end[row]]

    def numbers(self, row: int) -> list[tuple[int, int]]:
        """Begin and end of the numbers of a row, counted from its start."""
        own = slice(self.first[row], self.first[row] + self.count[row])
        start = int(self.start[row])
        begins, ends = self.begin[own] - start, self.beyond[own] - start
        return list(zip(begins.tolist(), ends.tolist(), strict=True))


def lex(states: States) -> Lexed:
    """Find the numbers of all states of a stretch."""
    text = b"".join((b" " * MARGIN, _with_plain_numbers(states.text), b" " * MARGIN))
    content = np.frombuffer(text, np.uint8)
    in_word = np.frombuffer(text.translate(_IS_WORD), np.bool_)
    borders = np.flatnonzero(in_word[1:] != in_word[:-1]) + 1
    begin, beyond, wide = _numbers(text, content, borders[::2], borders[1::2])
    blanked = text.translate(_BLANKED)
    blank = content == ord(" ")
    blank |= content == ord("\t")
    start, end = states.start + MARGIN, states.end + MARGIN
    first = np.searchsorted(begin, start)
    return Lexed(
        text,
        _plain(blanked) if wide else blanked,
        start,
        _skip(blank, start, 1),
        end,
        states.line,
        begin,
        beyond,
        _skip(blank, begin, -1),
        _skip(blank, beyond, 1),
        first,
        np.searchsorted(begin, end) - first,
    )


def _with_plain_numbers(text: bytes) -> bytes:
    """The text with what would be mistaken for numbers, or not taken for one, replaced by as many bytes."""
    if b"#" in text and b".#" in text:
        text = _MSVC.sub(_spelt_out, text)
    if b"%" in text and b"%|" in text:
        text = _BAR.sub(lambda bar: b"%".ljust(len(bar[0])), text)
    if b"\xe2" in text:
        text = _GLYPHS.sub(lambda bar: b" " * len(bar[0]), text)
    if b"\xef" in text:
        text = text.replace(_WIDE_COLON, b"  :")
    return text


def _spelt_out(found: re.Match[bytes]) -> bytes:
    word = b"inf" if b"INF" in found[0].upper() else b"nan"
    return word.ljust(len(found[0]))


def _plain(blanked: bytes) -> bytes:
    for word, plain in _PLAIN:
        blanked = blanked.replace(word, plain)
    return blanked


def _numbers(
    text: bytes, content: NDArray[np.uint8], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """Begin and end of the numbers among the words, and whether nan or inf is written with more than three letters."""
    kind = _CLASS[content[begin]]
    letters = begin
    signed = np.flatnonzero(kind == _SIGN)
    if len(signed):
        second, third = content[begin[signed] + 1], content[begin[signed] + 2]
        kind[signed] = np.where((second == ord(".")) & (_CLASS[third] == _DIGIT), _DIGIT, _CLASS[second])
        kind[signed[kind[signed] == _SIGN]] = _OTHER
        letters = begin.copy()
        letters[signed] += 1
    words = np.flatnonzero(kind == _LETTER)
    is_number = kind == _DIGIT
    is_number[words] = _are_non_finite(text, letters[words], end[words] - letters[words])
    begin, end, spelt = begin[is_number], end[is_number], kind[is_number] == _LETTER
    wide = bool((end[spelt] - begin[spelt] > _PLAIN_WIDTH).any())
    return begin, _without_suffix(content, end, spelt), wide


def _are_non_finite(text: bytes, begin: NDArray[np.int64], width: NDArray[np.int64]) -> NDArray[np.bool_]:
    found = np.zeros(len(begin), np.bool_)
    short = np.flatnonzero(width <= _WIDEST)
    words = np.ndarray((len(text) - 7,), "<u8", text, 0, (1,))[begin[short]]
    keep = _KEEP[np.minimum(width[short], 8)]
    words = (words | _LOWER) & keep
    for length, word in _NON_FINITE:
        # a point and a digit have the bit of lower case already
        found[short] |= (width[short] == length) & (words == word)
    return found


def _without_suffix(content: NDArray[np.uint8], end: NDArray[np.int64], spelt: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Ends without the letters (and marks) behind the last digit; without a full stop where nan is spelt out."""
    last = content[end - 1]
    rows = np.flatnonzero(np.where(spelt, last == ord("."), _IS_SUFFIX[last]))
    if not len(rows):
        return end
    end = end.copy()
    for _ in range(_LONGEST_SUFFIX):
        end[rows] -= 1
        rows = rows[_IS_SUFFIX[content[end[rows] - 1]] & ~spelt[rows]]
        if not len(rows):
            break
    return end


def _skip(blank: NDArray[np.bool_], place: NDArray[np.int64], direction: int) -> NDArray[np.int64]:
    """Move each place over the blanks on its right (1) or on its left (-1), at most to the end of the text."""
    shift = 0 if direction > 0 else -1
    rows = np.flatnonzero(blank[place + shift])
    if not len(rows):
        return place
    place = place.copy()
    for _ in range(_WIDEST_GAP):
        place[rows] += direction
        inside = rows[(place[rows] > 0) & (place[rows] < len(blank))]
        rows = inside[blank[place[inside] + shift]]
        if not len(rows):
            break
    return place
