"""Logs in memory, cut into pieces as small as one likes, and damaged in many ways."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nanlog.model import Piece, Unread
from nanlog.source import open_source

__all__ = ["HOSTILE", "Texts", "damaged", "excerpt", "load"]

#: Pieces of text that have broken readers of logs.
HOSTILE = (
    b"\x00",
    b"\r",
    b"\x1b[2J",
    b"\xff\xfe\xc3(",
    "\u2028\u202e٣".encode(),
    b"nan",
    b"-Infinity",
    b"1e999999",
    b"9" * 400,
    b"-9223372036854775809",
    b" " * 3000,
    b"{" * 3000,
    b'"',
    b"%s{0}\\",
    b"\n\n",
    b"=",
    b": ",
    b",",
)


@dataclass(frozen=True)
class Texts:
    """A :class:`nanlog.model.Source` of files in memory; a piece ends at the first line end behind ``size`` bytes."""

    name: str
    contents: Mapping[str, bytes]
    size: int = 1 << 21

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self.contents)

    def head(self, file: str, size: int = 65536) -> bytes:
        return self.contents[file][:size]

    def pieces(self, file: str) -> Iterator[Piece]:
        text, start, line = self.contents[file], 0, 1
        while start < len(text):
            end = text.find(b"\n", start + self.size - 1) + 1 or len(text)
            yield Piece(file, text[start:end], line)
            line += text.count(b"\n", start, end)
            start = end

    def damage(self) -> tuple[Unread, ...]:
        return ()


def load(path: str) -> Texts:
    """What a parser would be given of a file or a folder, decompressed and as UTF-8."""
    source = open_source(path)
    return Texts(path, {file: b"".join(piece.data for piece in source.pieces(file)) for file in source.files})


def excerpt(text: bytes, size: int) -> bytes:
    """A text of about ``size`` bytes: its beginning and its end, each of whole lines if they are not too long."""
    if len(text) <= size:
        return text
    cut = text.rfind(b"\n", size // 4, size // 2) + 1 or size // 2
    again = text.find(b"\n", -size // 2, -size // 4) + 1 or len(text) - size // 2
    return text[:cut] + text[again:]


def damaged(text: bytes, count: int) -> Iterator[bytes]:
    """Yield ``count`` damaged copies, the same ones every time: cut off, or changed in one to four places."""
    chance = random.Random(len(text))  # noqa: S311  no secrets here
    for number in range(count):
        if number % 4 == 0:
            yield text[: chance.randrange(len(text) + 1)]
            continue
        copy = text
        for _ in range(chance.randint(1, 4)):
            copy = _changed(copy, chance)
        yield copy


def _changed(text: bytes, chance: random.Random) -> bytes:
    at, size = chance.randrange(len(text) + 1), chance.randint(1, 400)
    match chance.randrange(5):
        case 0:
            return text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
        case 1:
            return text[:at] + text[at + size :]
        case 2:
            return text[: at + size] + text[at:]
        case 3:
            return text[:at] + text[at:].replace(b"\n", b" ", size % 9)
        case _:
            return text[:at] + chance.choice(HOSTILE) + text[at:]
