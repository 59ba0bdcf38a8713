"""Compressed files, recognised by their first bytes and decompressed as a stream."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

#: Compressed bytes given to a decompressor at a time.  Neither gzip nor Zstandard expands so few to more than about
#: 8 MiB (a block of 128 KiB for four bytes), which bounds the memory a decompression bomb can take; and little of what
#: comes before a damaged place is lost with it.  More at a time is hardly faster.
STEP = 256

#: Text that xz and bzip2 give at a time; a block of bzip2 is up to 46 MB.
LIMIT = 1 << 20

#: An xz file may ask for a dictionary of up to 4 GiB; ``xz -9`` asks for 65 MiB.
MEMORY_LIMIT = 256 << 20

LONGEST_MAGIC = 6


class _Eager(Protocol):
    """What the objects of ``zlib`` and ``zstandard`` share; one object reads one member."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class Decompressor(Protocol):
    """What the objects of ``bz2`` and ``lzma`` share; one object reads one member."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Whole:
    """Makes a decompressor that knows no limit look like one that does: it gives all it can each time."""

    needs_input = True

    def __init__(self, eager: _Eager) -> None:
        self._eager = eager

    @property
    def eof(self) -> bool:
        return self._eager.eof

    @property
    def unused_data(self) -> bytes:
        return self._eager.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._eager.decompress(data)


@dataclass(frozen=True, slots=True)
class Compression:
    """One compressed format; ``magics`` are the beginnings of its members."""

    title: str
    magics: tuple[bytes, ...]
    member: Callable[[], Decompressor]


def _zstd_member() -> Decompressor:
    import zstandard

    return _Whole(zstandard.ZstdDecompressor().decompressobj())


_COMPRESSIONS = (
    Compression("gzip", (b"\x1f\x8b\x08",), lambda: _Whole(zlib.decompressobj(wbits=31))),
    Compression("xz", (b"\xfd7zXZ\x00",), lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY_LIMIT)),
    Compression("bzip2", tuple(b"BZh%d" % level for level in range(1, 10)), bz2.BZ2Decompressor),
    Compression(
        "Zstandard",
        # the sixteen others begin a skippable frame, which pzstd puts first
        (b"\x28\xb5\x2f\xfd", *(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))),
        _zstd_member,
    ),
)


def compression_of(head: bytes) -> Compression | None:
    """The compression a file that begins with ``head`` is in; None for a plain file."""
    return next((compression for compression in _COMPRESSIONS if head.startswith(compression.magics)), None)


def decompressed(
    read: Callable[[int], bytes], compression: Compression, damaged: Callable[[str], None]
) -> Iterator[bytes]:
    """Yield the content of all members that follow one another in a file.

    Never raises for content: what lies before damage is yielded, then ``damaged`` is called with a sentence that names
    the place.
    """
    member_of = compression.title
    packed = _Packed(read)
    errors = _errors()
    while packed.next_member():
        if not packed.data.startswith(compression.magics):
            damaged(f"what follows byte {packed.start}, where the {member_of} data ends, is something else")
            return
        member = compression.member()
        while not member.eof:
            if member.needs_input and not packed.data and not packed.more():
                damaged(f"the file ends at byte {packed.end} in the middle of its {member_of} data")
                return
            try:
                text = member.decompress(packed.data, LIMIT)
            except errors as error:
                damaged(f"the {member_of} data is damaged between bytes {packed.start} and {packed.end} ({error})")
                return
            packed.data = b""
            if text:
                yield text
        packed.data = member.unused_data


class _Packed:
    """The compressed bytes that were read and not used yet; ``end`` is the offset in the file behind them."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.data = b""
        self.end = 0

    @property
    def start(self) -> int:
        return self.end - len(self.data)

    def more(self) -> bool:
        read = self._read(STEP)
        self.data += read
        self.end += len(read)
        return bool(read)

    def next_member(self) -> bool:
        """Skip padding; False at the end of the file."""
        self.data = self.data.lstrip(b"\0")
        while len(self.data) < LONGEST_MAGIC and self.more():
            self.data = self.data.lstrip(b"\0")
        return bool(self.data)


def _errors() -> tuple[type[Exception], ...]:
    import zstandard

    # bz2 raises the three builtins, lzma MemoryError when a file asks for more than the limit
    return zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError, ValueError, MemoryError
