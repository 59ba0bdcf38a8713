"""CRC-32C, as it stands in the frames of TFRecord files: of one record, and of many at a time.

A CRC is linear over GF(2): that of a message is the exclusive or of what each of its bytes contributes, and the
contribution depends on the byte and on how many bytes follow it.  Many messages of one length are therefore checked
with one table look-up for each pair of bytes, for all of them together.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["LONGEST_COLUMN", "checksum", "column_checksums", "length_checksums"]

_POLYNOMIAL = 0x82F63B78  #: of Castagnoli, bits reversed
_MASK_DELTA = 0xA282EAD8  #: TFRecord rotates a CRC by 15 bits and adds this, so that a CRC of CRCs stays one
_ONES = 0xFFFFFFFF

#: Longer messages are not checked as columns: the tables, 128 KiB for each byte, would fill the memory.
LONGEST_COLUMN = 512
_ROW = 256  #: bytes of a long message that are looked up at a time
_SHORT = 96  #: a message up to this length is done sooner byte by byte

UintArray = NDArray[np.uint32]


def _byte_table() -> UintArray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & np.uint32(1), np.uint32(_POLYNOMIAL), np.uint32(0))
    return table


_TABLE = _byte_table()
_TABLE_LIST: list[int] = _TABLE.tolist()


@cache
def _followed_by(count: int) -> UintArray:
    """What each of the 256 bytes contributes when ``count`` bytes follow it."""
    if count == 0:
        return _TABLE
    before = _followed_by(count - 1)
    followed: UintArray = _TABLE[before & np.uint32(0xFF)] ^ (before >> np.uint32(8))
    return followed


@cache
def _pair_followed_by(count: int) -> UintArray:
    """The same for two neighbouring bytes, read as one little-endian number."""
    return (_followed_by(count)[:, None] ^ _followed_by(count + 1)[None, :]).ravel()


@cache
def _of_zeros(length: int) -> int:
    """The CRC of ``length`` (four or more) zero bytes: what the register holds at first, moved behind the message."""
    _prepare(length)
    first = [_followed_by(length - 1 - at)[0xFF] for at in range(4)]
    return int(np.bitwise_xor.reduce(first)) ^ _ONES


def _prepare(length: int) -> None:
    """Fill the tables in order: each is made from the one before, which is no deeper recursion than one step."""
    for count in range(length):
        _followed_by(count)


def column_checksums(pairs: NDArray[np.uint16], length: int) -> UintArray:
    """The masked CRCs of many messages of one ``length`` (4 .. :data:`LONGEST_COLUMN`), a row each.

    The rows hold pairs of bytes; the messages stand at their ends, behind zeros if there is room.
    """
    crc = np.full(len(pairs), _of_zeros(length), np.uint32)
    for column in range(-((length + 1) // 2), 0):
        crc ^= _pair_followed_by(2 * (-column - 1)).take(pairs[:, column])
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(_MASK_DELTA)


@cache
def length_checksums() -> UintArray:
    """The masked CRCs of all lengths below 65536, as they stand behind the eight bytes of the length itself."""
    numbers = np.zeros((1 << 16, 4), np.uint16)
    numbers[:, 0] = np.arange(1 << 16)
    return column_checksums(numbers, 8)


def checksum(message: bytes) -> int:
    """The masked CRC of one message.

    >>> hex(checksum(bytes(32)))  # RFC 3720, B.4 gives 0x8a9136aa before it is masked
    '0xfd7fffa'
    """
    crc = _short(message) if len(message) <= _SHORT else _long(message)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & _ONES


def _short(message: bytes) -> int:
    crc = _ONES
    for byte in message:
        crc = _TABLE_LIST[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ _ONES


@cache
def _row_tables() -> UintArray:
    _prepare(_ROW + 4)
    return np.concatenate([_followed_by(_ROW - 1 - at) for at in range(_ROW)])


@cache
def _shift_tables() -> tuple[list[int], ...]:
    """How each byte of the register moves on when a row of zeros follows, lowest byte first."""
    _prepare(_ROW + 4)
    return tuple(_followed_by(_ROW - 1 - at).tolist() for at in range(4))


def _long(message: bytes) -> int:
    rows = -(-len(message) // _ROW)
    padded = np.zeros(rows * _ROW, np.uint8)  # zeros before the first byte contribute nothing
    begin = len(padded) - len(message)
    padded[begin:] = np.frombuffer(message, np.uint8)
    padded[begin : begin + 4] ^= np.uint8(0xFF)
    tables, places = _row_tables(), np.arange(_ROW, dtype=np.int64) * 256
    low, second, third, high = _shift_tables()
    crc = 0
    for some in np.array_split(padded.reshape(rows, _ROW), -(-rows // 4096)):  # 4096 rows need 8 MiB of indices
        for row in np.bitwise_xor.reduce(tables[some + places], axis=1).tolist():
            moved = low[crc & 0xFF] ^ second[crc >> 8 & 0xFF] ^ third[crc >> 16 & 0xFF] ^ high[crc >> 24]
            crc = moved ^ row
    return crc ^ _ONES
