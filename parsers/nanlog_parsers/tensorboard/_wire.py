"""The wire format of protocol buffers: fields with a number and a wire type, nothing more.

https://protobuf.dev/programming-guides/encoding/ says what stands here; which message a field belongs to is said in
the modules that ask for it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Field", "MalformedError", "fields", "signed", "text", "varints"]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

_LONGEST_VARINT = 10
_UINT64 = (1 << 64) - 1


class MalformedError(ValueError):
    """The bytes are no message; says at which of them that shows."""


class Field(NamedTuple):
    """One field of a message; its content lies at ``data[begin:end]``, and ``value`` is that of a varint."""

    number: int
    wire: int
    data: bytes
    begin: int
    end: int
    value: int

    @property
    def content(self) -> bytes:
        return self.data[self.begin : self.end]

    def fields(self) -> Iterator[Field]:
        """The fields of the message that is the content."""
        if self.wire != LENGTH:
            raise MalformedError(f"byte {self.begin} begins a number, not a message")
        return fields(self.data, self.begin, self.end)

    def float(self) -> float:
        """The content as an IEEE number of four or eight bytes."""
        if self.wire not in (FIXED32, FIXED64):
            raise MalformedError(f"byte {self.begin} begins no floating-point number")
        number: float = struct.unpack("<f" if self.wire == FIXED32 else "<d", self.content)[0]
        return number


def fields(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[Field]:
    """Yield the fields of a message in order; raises :class:`MalformedError` where they do not fill it exactly."""
    end = len(data) if end is None else end
    at = begin
    while at < end:
        key, at = _varint(data, at, end)
        wire, start, value = key & 7, at, 0
        if wire == VARINT:
            value, at = _varint(data, at, end)
        elif wire == LENGTH:
            length, start = _varint(data, at, end)
            at = start + length
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        else:
            raise MalformedError(f"byte {start - 1} begins a field of the unknown wire type {wire}")
        if at > end:
            raise MalformedError(f"the field at byte {start} goes beyond the end of its message")
        yield Field(key >> 3, wire, data, start, at, value)


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    for place in range(at, min(at + _LONGEST_VARINT, end)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _UINT64, place + 1
        shift += 7
    raise MalformedError(f"the number at byte {at} does not end")


def varints(field: Field) -> Iterator[int]:
    """The numbers of a repeated field, packed or not."""
    if field.wire == VARINT:
        yield field.value
        return
    at = field.begin
    while at < field.end:
        value, at = _varint(field.data, at, field.end)
        yield value


def signed(value: int) -> int:
    """A varint as the signed number of 64 bits it stands for.

    >>> signed(2**64 - 1)
    -1
    """
    return value - (1 << 64) if value >= 1 << 63 else value


def text(field: Field) -> str:
    return field.content.decode("utf-8", "replace")
