"""What comes from a log or a file name is data: nothing of it may steer a terminal."""

from __future__ import annotations

__all__ = ["NAME_LIMIT", "SENTENCE_LIMIT", "printable"]

NAME_LIMIT = 80  #: longest name (a layer, a series, a file) in a report for people
SENTENCE_LIMIT = 480  #: longest sentence there

_ELLIPSIS = "…"


def printable(text: str, limit: int = SENTENCE_LIMIT) -> str:
    """Return ``text`` on one line, at most ``limit`` characters of it, without anything that is not printable.

    White space of every kind becomes a blank; a control, format (bidirectional overrides among them), private or
    unassigned character becomes its escape (``\\x1b``, ``\\u202e``); a byte of a file name that is not UTF-8 becomes
    ``\\xff``.  What is too long loses its middle to an ellipsis.

    >>> printable("conv1\\x1b[31m")
    'conv1\\\\x1b[31m'
    >>> printable("inception_3a/output", 9)
    'incep…put'
    """
    if limit < 1:
        raise ValueError(f"a limit of {limit} characters leaves nothing to print")
    if len(text) > 2 * limit:
        text = text[:limit] + text[-limit:]
    clean = "".join(char if char.isprintable() else _visible(char) for char in text)
    if len(clean) <= limit:
        return clean
    tail = (limit - 1) * 2 // 5
    head = limit - 1 - tail
    return clean[:head] + _ELLIPSIS + (clean[-tail:] if tail else "")


def _visible(char: str) -> str:
    code = ord(char)
    if char.isspace():
        return " "
    if 0xDC80 <= code <= 0xDCFF:  # how Python spells an undecodable byte of a file name
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
