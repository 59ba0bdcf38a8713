"""Numbers as C, C++ and Python programs print them, one at a time and a column at a time.

Both ways give the same float to the last bit: a decimal of at most 15 digits is an exact integer divided or multiplied
by an exact power of ten, which rounds once (Clinger, "How to read floating point numbers accurately", 1990); everything
else is left to ``float``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NUMBER", "TrailingNumbers", "number", "trailing_numbers", "value_of", "windows"]

#: libstdc++ and Python print ``nan`` and ``inf``, MSVC ``1.#QNAN`` or ``1.#INF`` (digits may follow), since 2015
#: ``nan(ind)``.
NUMBER = (
    r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
    r"|(?i:nan(?:\([a-z0-9_]*\))?|inf(?:inity)?|1\.#(?:qnan|snan|ind|inf)[0-9]*))"
)
_NUMBER = re.compile(NUMBER, re.ASCII)

_WIDTH = 16
_MOST_DIGITS = 15
_MOST_EXACT_POWER = 22
_LONGEST_TOKEN = 400

_ALL_BITS = np.arange(1 << _WIDTH, dtype=np.uint32)
#: Of a 16-bit mask: how many columns stand to the right of its last set one; 16 for none.
_RIGHT_OF_LAST = np.full(1 << _WIDTH, _WIDTH, np.uint8)
for _column in range(_WIDTH):
    _RIGHT_OF_LAST[((_ALL_BITS >> _column) & 1 == 1) & (_RIGHT_OF_LAST == _WIDTH)] = _column

_TENS = 10 ** np.arange(_WIDTH + 1, dtype=np.int64)
_POWERS = 10.0 ** np.arange(_MOST_EXACT_POWER + 1)
#: Joins neighbouring digits, then pairs, then fours, eight digits in one 64-bit word.
_JOINS = [
    (np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(10 * 2**8 + 1), np.uint64(8)),
    (np.uint64(0x00FF00FF00FF00FF), np.uint64(100 * 2**16 + 1), np.uint64(16)),
    (np.uint64(0x0000FFFF0000FFFF), np.uint64(10000 * 2**32 + 1), np.uint64(32)),
]


def number(token: str) -> float | None:
    """Return the value of a token that is a number as a whole, else None.

    >>> number("-1.#IND"), number("1.#INF00"), number("1e-3"), number("1e-")
    (nan, inf, 0.001, None)
    """
    return None if _NUMBER.fullmatch(token) is None else value_of(token)


def value_of(token: str) -> float:
    """The value of a token that :data:`NUMBER` matches."""
    plain = token.lower()
    if "#" in plain or "(" in plain:
        infinite = float("-inf") if plain.startswith("-") else float("inf")
        return infinite if "#inf" in plain else float("nan")
    return float(plain)


@dataclass(frozen=True, slots=True)
class TrailingNumbers:
    """What :func:`trailing_numbers` found: values, where each token starts, and which tokens could be read."""

    value: NDArray[np.float64]
    start: NDArray[np.int64]
    good: NDArray[np.bool_]


def windows(text: bytes | bytearray, starts: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Copy ``width`` bytes from each start, one row each; all of them must lie inside ``text``."""
    every = np.ndarray((len(text) - width + 1,), f"V{width}", text, 0, (1,))
    return every[starts].view(np.uint8).reshape(-1, width)


def trailing_numbers(text: bytes | bytearray, ends: NDArray[np.int64]) -> TrailingNumbers:
    """Read the numbers that end at ``ends`` (exclusive), each preceded by a blank.

    Every end must be at least 20 bytes into ``text``.  What ends in a parenthesis (``nan(ind)``) is not read here.
    """
    data = np.frombuffer(text, np.uint8)
    has_exponent = (data[ends - 4] | 0x20) == ord("e")
    stops = ends - 4 * has_exponent
    window = windows(text, stops - _WIDTH, _WIDTH)
    digit = window - np.uint8(ord("0"))
    is_digit = digit < 10

    width = _RIGHT_OF_LAST[_mask(window == ord(" "))].astype(np.int64)
    inside = (1 << width) - 1
    digits = _mask(is_digit) & inside
    dot = _mask(window == ord(".")) & inside
    minus = _mask(window == ord("-")) & inside
    good = (digits | dot | minus) == inside
    good &= (digits != 0) & (dot & (dot - 1) == 0) & ((minus == 0) | (minus * 2 == inside + 1))
    good &= width <= _MOST_DIGITS

    mantissa = _integers(digit * is_digit) % _TENS[width]
    decimals = _RIGHT_OF_LAST[dot].astype(np.int64) % _WIDTH
    fraction = mantissa % _TENS[decimals]
    mantissa = np.where(dot != 0, (mantissa - fraction) // 10 + fraction, mantissa)
    value = mantissa / _POWERS[decimals]

    if has_exponent.any():
        rows = np.flatnonzero(has_exponent)
        good[rows] &= _scale(value, rows, data, ends, mantissa, decimals)
    value = np.where(minus != 0, -value, value)
    start = stops - width
    _read_the_rest(text, ends, start, value, good)
    return TrailingNumbers(value, start, good)


def _mask(columns: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The 16 columns of each row as one integer, the last column as its lowest bit."""
    return np.packbits(columns.ravel()).view(">u2").astype(np.int64)


def _integers(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The numbers that rows of 16 digits (as 0 to 9) spell."""
    words: NDArray[np.uint64] = digits.view("<u8")
    for mask, factor, shift in _JOINS:
        words = (words & mask) * factor >> shift
    joined: NDArray[np.int64] = (words[:, 0] * np.uint64(10**8) + words[:, 1]).astype(np.int64)
    return joined


def _scale(
    value: NDArray[np.float64],
    rows: NDArray[np.int64],
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    mantissa: NDArray[np.int64],
    decimals: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Apply exponents of two digits (``e-05``) in place; return where that was possible exactly."""
    last = ends[rows]
    sign, tens, ones = data[last - 3], data[last - 2] - np.uint8(ord("0")), data[last - 1] - np.uint8(ord("0"))
    exponent = tens.astype(np.int64) * 10 + ones
    power = np.where(sign == ord("-"), -exponent, exponent) - decimals[rows]
    exact: NDArray[np.bool_] = (tens < 10) & (ones < 10) & ((sign == ord("-")) | (sign == ord("+")))
    exact &= abs(power) <= _MOST_EXACT_POWER
    factor = _POWERS[np.where(exact, abs(power), 0)]
    value[rows] = np.where(power < 0, mantissa[rows] / factor, mantissa[rows] * factor)
    return exact


def _read_the_rest(
    text: bytes | bytearray,
    ends: NDArray[np.int64],
    start: NDArray[np.int64],
    value: NDArray[np.float64],
    good: NDArray[np.bool_],
) -> None:
    """Read in place what is no plain decimal: ``nan`` and ``inf`` all at once, the rest one by one."""
    rows = np.flatnonzero(~good)
    if not len(rows):
        return
    tails = windows(text, ends[rows] - 5, 5).view("S5").ravel()
    for word, meaning in ((b"nan", np.nan), (b"inf", np.inf)):
        for sign, factor in ((b" ", 1.0), (b" -", -1.0)):
            found = rows[np.char.endswith(tails, sign + word)]
            value[found], good[found], start[found] = meaning * factor, True, ends[found] - len(sign + word) + 1
    is_word = np.frombuffer(text, np.uint8)[ends[rows] - 1] != ord(")")
    for row in rows[~good[rows] & is_word].tolist():
        end = int(ends[row])
        begin = text.rfind(b" ", max(end - _LONGEST_TOKEN, 0), end) + 1
        read = number(text[begin:end].decode("ascii", "replace")) if begin else None
        if read is not None:
            value[row], good[row], start[row] = read, True, begin
