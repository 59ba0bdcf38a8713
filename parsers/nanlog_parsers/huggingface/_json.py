"""The scalars of a JSON text with their lines, a token at a time: NaN tokens and a missing end are no errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nanlog.model import Piece

__all__ = ["Scalar", "scalars"]

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.){0,100000}"|[{}\[\]:,\n]|[^\s{}\[\]:,"]{1,100000}|"')
_LONGEST = 100_000
#: Deeper nesting is read as if it were on this level.
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: the keys on the way to it, its text (quotes taken off), its line.

    ``text`` is None at the end of an object or list, whose own path ``path`` is.
    """

    path: tuple[str, ...]
    text: str | None
    is_string: bool
    line: int


def scalars(pieces: Iterable[Piece]) -> Iterator[Scalar]:
    """Yield all scalars and ends of a text, in its order; the items of a list have the key ``[]``."""
    path: list[str] = []
    kinds: list[str] = []
    key = ""
    after_colon = False
    for line, sign in _tokens(pieces):
        if sign in "{[":
            if len(path) < _DEEPEST:
                path.append(key if after_colon else "[]")
                kinds.append(sign)
            key, after_colon = "", False
        elif sign in "}]":
            yield Scalar(tuple(path), None, False, line)
            if path:
                path.pop()
                kinds.pop()
            after_colon = False
        elif sign == ":":
            after_colon = True
        elif sign == ",":
            after_colon = False
        else:
            is_string = sign.startswith('"')
            text = sign.strip('"') if is_string else sign
            if after_colon:
                yield Scalar((*path, key), text, is_string, line)
                after_colon = False
            elif kinds and kinds[-1] == "[":
                yield Scalar((*path, "[]"), text, is_string, line)
            else:
                key = text


def _tokens(pieces: Iterable[Piece]) -> Iterator[tuple[int, str]]:
    rest = ""
    for piece in pieces:
        text = rest + piece.data.decode("utf-8", "replace")
        line = piece.first_line
        rest = ""
        for found in _TOKEN.finditer(text):
            sign = found[0]
            if sign == "\n":
                line += 1
            elif sign == '"' and "\n" not in (open_string := text[found.start() : found.start() + _LONGEST]):
                rest = open_string  # its end may be in the next piece
                break
            elif found.end() == len(text) and sign not in "{}[]:,":
                rest = sign  # it may go on in the next piece
            else:
                yield line, sign
    if rest:
        yield line, rest
