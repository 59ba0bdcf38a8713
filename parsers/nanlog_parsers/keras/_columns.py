r"""Reads the states of progress bars a column at a time.

All bars look alike: ``12/45 [=>..] - ETA: 0s - loss: 2.19 - accuracy: 0.25``.  The places of slashes, dashes and colons
give for all states at once where counts, names and values stand; names become fingerprints, of which each distinct one
is read once, and numbers are converted together.  A state that is not exactly such a bar, or a header ``Epoch 3/7``, is
left to the reader of single states, so that nothing depends on this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanlog_parsers._numbers import trailing_numbers, windows
from nanlog_parsers._states import States

from ._names import NameTable
from ._rows import COLOURED, DRAWN, MOST_BATCHES, MOST_EPOCHS, MOST_IN_A_STATE, PLAIN, Bars, Headers, IntArray, Shown

__all__ = ["Columns", "read_columns"]

#: Blanks put around the text, so that everything looked at lies inside it.
_MARGIN = 64
_LONGEST_NAME = 64
_LONGEST_COUNT = 16
_POWERS = 10.0 ** np.arange(_LONGEST_COUNT + 1)
#: A value of more characters is left to the reader of single states.
_LONGEST_VALUE = 24
#: ``%3d/%d`` pads a count to the width of its target.
_MOST_PADDING = 12
#: What separates states becomes a blank, so that every number is preceded by one; so does the slash of a count.
_SPACED = bytes.maketrans(b"\n\r\x08\t/", b"     ")
#: Keras 1 and 2 draw a bar of 30 characters in brackets, Keras 3 one of 20 characters of three bytes each.
_DRAWN_WIDTH, _COLOURED_WIDTH = 32, 60
_IN_A_BAR = np.isin(np.arange(256), np.frombuffer(b"[=>.]", np.uint8))
_UNKNOWN = int.from_bytes(b"Unknown ", "little")
_EPOCH = int.from_bytes(b"Epoch ", "little")
_SIX_BYTES = np.uint64(2**48 - 1)


@dataclass(frozen=True, slots=True)
class Columns:
    """What could be read as columns, and the numbers of the states that could not."""

    bars: Bars
    shown: Shown
    headers: Headers
    left: IntArray


def read_columns(states: States, first_state: int, names: NameTable) -> Columns:
    """Read the states of one piece; ``first_state`` is the number of its first one in the file."""
    text = _Text(states)
    first = text.first
    lead = text.bytes_at(first)
    bars = _bar_heads(text, np.flatnonzero(lead - np.uint8(ord("0")) < 10))
    epochs = _epoch_headers(text, np.flatnonzero(lead == ord("E")))
    items = _items(text, bars, names)

    is_bar = np.zeros(len(states), np.bool_)
    is_bar[bars.state] = True
    is_bar[items.refused] = False
    count = np.bincount(items.state, minlength=len(states))
    silent = np.flatnonzero(count[bars.state] == 0)
    state = bars.state[silent]
    is_bar[state[~names.trail.of(text.raw, bars.end[silent], text.end[state])]] = False
    is_left = ~is_bar
    is_left[epochs.state] = False

    order = (np.arange(len(states)) + first_state) * MOST_IN_A_STATE
    kept = np.flatnonzero(is_bar[bars.state] & (count[bars.state] > 0))
    state = bars.state[kept]
    good = is_bar[items.state]
    return Columns(
        Bars(order[state], states.line[state], bars.seen[kept], bars.target[kept], bars.kind[kept]),
        Shown(order[items.state[good]], items.code[good], items.value[good]),
        Headers(order[epochs.state], states.line[epochs.state], epochs.epoch, epochs.epochs),
        np.flatnonzero(is_left),
    )


class _Text:
    """The text of the states with a margin of blanks on both sides; all places are counted in it."""

    def __init__(self, states: States) -> None:
        margin = bytes(_MARGIN).replace(b"\0", b" ")
        self.raw = margin + states.text + margin
        self.spaced = self.raw.translate(_SPACED)
        self.content = np.frombuffer(self.raw, np.uint8)
        self.start = states.start + _MARGIN
        self.end = states.end + _MARGIN
        self.first = self._after_padding()

    def bytes_at(self, places: IntArray) -> NDArray[np.uint8]:
        return self.content[places]

    def words_at(self, places: IntArray) -> NDArray[np.uint64]:
        """Eight bytes from each place, as little-endian integers."""
        return windows(self.raw, places, 8).view("<u8").ravel()

    def places_of(self, byte: str) -> IntArray:
        return np.flatnonzero(self.content == ord(byte))

    def find(self, byte: str, places: IntArray, width: int, *, spaced: bool = False) -> IntArray:
        """Where the byte first stands at or behind each place; -1 if not within ``width``."""
        found = windows(self.spaced if spaced else self.raw, places, width) == ord(byte)
        at = found.argmax(axis=1)
        hit = found[np.arange(len(at)), at] if len(at) else np.empty(0, np.bool_)
        return np.where(hit, places + at, -1)

    def counts(self, start: IntArray, end: IntArray, most: int) -> IntArray:
        """The whole numbers that stand between two places each; -1 for what is none, or more than ``most``."""
        read = trailing_numbers(self.spaced, end)
        length = np.clip(end - start, 1, _LONGEST_COUNT)
        good = read.good & (read.start == start) & (read.value <= most) & (read.value < _POWERS[length])
        good &= (length == 1) | (read.value >= _POWERS[length - 1])  # so it has no dot and no leading zero
        good &= self.content[end - 2] | 0x20 != ord("e")
        return np.where(good, read.value, -1).astype(np.int64)

    def _after_padding(self) -> IntArray:
        first = self.start.copy()
        rows = np.flatnonzero(self.content[first] == ord(" "))
        for _ in range(_MOST_PADDING):
            if not len(rows):
                break
            first[rows] += 1
            rows = rows[self.content[first[rows]] == ord(" ")]
        return first


@dataclass(frozen=True, slots=True)
class _Heads:
    state: IntArray
    seen: IntArray
    target: IntArray
    kind: IntArray
    end: IntArray  #: where the drawing ends
    drawing: IntArray  #: its kind, PLAIN where nothing is drawn


def _bar_heads(text: _Text, state: IntArray) -> _Heads:
    """The counts ``12/45`` at the beginning of states, and what kind of bar follows."""
    first = text.first[state]
    slash = text.find("/", first, _LONGEST_COUNT)
    state, first, slash = _where(slash >= 0, state, first, slash)
    seen = text.counts(first, slash, MOST_BATCHES)
    is_unknown = text.words_at(slash + 1) == _UNKNOWN
    blank = np.where(is_unknown, slash + 8, text.find(" ", slash + 1, _LONGEST_COUNT, spaced=True))
    good = (seen >= 0) & (blank >= 0)
    state, seen, slash, blank, is_unknown = _where(good, state, seen, slash, blank, is_unknown)

    target = np.zeros(len(state), np.int64)
    known = np.flatnonzero(~is_unknown)
    target[known] = text.counts(slash[known] + 1, blank[known], MOST_BATCHES)
    kind = _kinds(text, blank, is_unknown)
    good = (is_unknown | (target >= 1)) & (kind >= 0) & (blank < text.end[state])
    state, seen, target, kind, blank, is_unknown = _where(good, state, seen, target, kind, blank, is_unknown)
    drawing = np.where(is_unknown, PLAIN, kind)
    end = _ends_of_drawings(text, blank, drawing)
    return _Heads(*_where(end >= 0, state, seen, target, kind, end, drawing))


def _kinds(text: _Text, blank: IntArray, unknown: NDArray[np.bool_]) -> IntArray:
    one, two = text.bytes_at(blank + 1), text.bytes_at(blank + 2)
    kind = np.full(len(blank), -1)
    kind[(one == ord("[")) & np.isin(two, np.frombuffer(b"=>.", np.uint8))] = DRAWN
    kind[one == 0xE2] = COLOURED
    kind[(one == ord("-")) & (two == ord(" "))] = PLAIN
    kind[unknown & (kind == PLAIN)] = DRAWN
    kind[unknown & (one - np.uint8(ord("0")) < 10)] = COLOURED
    return kind


def _ends_of_drawings(text: _Text, blank: IntArray, kind: IntArray) -> IntArray:
    """Where the bars that are drawn behind the blanks end; -1 for what is not drawn as usual."""
    end = blank.copy()
    drawn, coloured = np.flatnonzero(kind == DRAWN), np.flatnonzero(kind == COLOURED)
    bar = windows(text.raw, blank[drawn] + 1, _DRAWN_WIDTH)
    whole = _IN_A_BAR[bar].all(axis=1) & (bar[:, -1] == ord("]")) & ((bar == ord("[")).sum(axis=1) == 1)
    end[drawn] = np.where(whole & ((bar == ord("]")).sum(axis=1) == 1), blank[drawn] + 1 + _DRAWN_WIDTH, -1)
    line = windows(text.raw, blank[coloured] + 1, _COLOURED_WIDTH)
    whole = (line >= 0x80).all(axis=1) & (text.bytes_at(blank[coloured] + 1 + _COLOURED_WIDTH) == ord(" "))
    end[coloured] = np.where(whole, blank[coloured] + 1 + _COLOURED_WIDTH, -1)
    return end


@dataclass(frozen=True, slots=True)
class _Epochs:
    state: IntArray
    epoch: IntArray
    epochs: IntArray


def _epoch_headers(text: _Text, state: IntArray) -> _Epochs:
    first = text.first[state]
    slash = text.find("/", first + 6, _LONGEST_COUNT)
    is_header = (text.words_at(first) & _SIX_BYTES) == _EPOCH
    state, first, slash = _where(is_header & (slash >= 0) & (slash < text.end[state]), state, first, slash)
    epoch = text.counts(first + 6, slash, MOST_EPOCHS)
    epochs = text.counts(slash + 1, text.end[state], MOST_EPOCHS)
    return _Epochs(*_where((epoch >= 0) & (epochs >= 1), state, epoch, epochs))


@dataclass(frozen=True, slots=True)
class _Items:
    """Names and values behind the heads of bars; ``refused`` are the states that have something else there."""

    state: IntArray
    code: IntArray
    value: NDArray[np.float64]
    refused: IntArray


def _items(text: _Text, bars: _Heads, names: NameTable) -> _Items:
    colon, dash = text.places_of(":"), text.places_of("-")
    colon = colon[text.bytes_at(colon + 1) == ord(" ")]
    dash = dash[(text.bytes_at(dash - 1) == ord(" ")) & (text.bytes_at(dash + 1) == ord(" "))]
    state, colon = _inside(text, bars.state, colon)
    if not len(dash) or not len(colon):
        return _Items(state[:0], state[:0], np.empty(0), np.unique(state))
    name = dash[np.maximum(np.searchsorted(dash, colon) - 1, 0)] + 2
    is_eta = (colon - name == 3) & (text.bytes_at(name) == ord("E")) & (text.bytes_at(name + 2) == ord("A"))
    state, colon, name = _where(~is_eta, state, colon, name)

    end = text.find(" ", colon + 2, _LONGEST_VALUE, spaced=True)
    good = (end >= 0) & (name >= text.start[state]) & (name < colon) & (colon - name <= _LONGEST_NAME)
    good &= (end == text.end[state]) | (end < text.end[state]) & (text.bytes_at(end + 1) == ord("-"))
    refused = [state[~good]]
    state, colon, name, end = _where(good, state, colon, name, end)

    read = trailing_numbers(text.spaced, end)
    good = read.good & (read.start == colon + 2) & (_four_decimals(text, end) | ~np.isfinite(read.value))
    refused.append(state[~good])
    state, colon, name, end, value = _where(good, state, colon, name, end, read.value)
    code = names.codes(text.raw, name, colon)
    refused.append(state[code < 0])
    refused.append(state[~_are_joined(text, bars, names, state, name, end)])
    return _Items(state, code, value, np.unique(np.concatenate(refused)))


def _are_joined(
    text: _Text, bars: _Heads, names: NameTable, state: IntArray, name: IntArray, end: IntArray
) -> NDArray[np.bool_]:
    """Whether each item follows the one before it, the first the bar, and nothing of note the last."""
    if not len(state):
        return np.empty(0, np.bool_)
    same = state[1:] == state[:-1]
    first = np.concatenate(([True], ~same))
    last = np.concatenate((~same, [True]))
    joined = np.ones(len(state), np.bool_)
    joined[1:] = ~same | (name[1:] - 3 == end[:-1])
    begun = np.flatnonzero(first)
    bar = np.searchsorted(bars.state, state[begun])
    for kind, lead in enumerate(names.leads):
        of_kind = bars.drawing[bar] == kind
        joined[begun[of_kind]] &= lead.of(text.raw, bars.end[bar[of_kind]], name[begun[of_kind]])
    rest = last & (end != text.end[state])
    joined[rest] &= names.trail.of(text.raw, end[rest], text.end[state[rest]])
    return joined


def _inside(text: _Text, bars: IntArray, place: IntArray) -> tuple[IntArray, IntArray]:
    """The places that lie in the bars, and in which."""
    at = np.searchsorted(text.start[bars], place, side="right") - 1
    at[at < 0] = 0
    if not len(bars):
        return bars, place[:0]
    state = bars[at]
    kept = (place >= text.start[state]) & (place < text.end[state])
    return state[kept], place[kept]


def _four_decimals(text: _Text, end: IntArray) -> NDArray[np.bool_]:
    """Whether a number ends as ``%.4f`` or ``%.4e`` prints it: one that does not may have been cut."""
    has_exponent = (text.bytes_at(end - 9) == ord(".")) & (text.bytes_at(end - 4) == ord("e"))
    return np.asarray(has_exponent | (text.bytes_at(end - 5) == ord(".")), np.bool_)


def _where(mask: NDArray[np.bool_], *columns: NDArray) -> tuple[NDArray, ...]:  # type: ignore[type-arg]
    return columns if mask.all() else tuple(column[mask] for column in columns)
