"""Arrays of pyarrow -> columns of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._cells import cell
from ._chunk import Column

if TYPE_CHECKING:
    import pyarrow as pa

    _Array: TypeAlias = pa.Array[Any]
    _ChunkedArray: TypeAlias = pa.ChunkedArray[Any]

__all__ = ["only_array", "readable", "texts_of", "valid", "values_of"]

_ONLY_ASCII = bytes(range(128)) + b"?" * 128


def values_of(array: _Array) -> tuple[Column, list[tuple[int, str]]]:
    """The cells of one column that hold a value, and the rows and texts of those that hold words."""
    import pyarrow as pa

    if not pa.types.is_floating(array.type):
        try:
            array = array.cast(pa.float64())
        except pa.ArrowInvalid:
            return _odd_values(array)
    value = np.frombuffer(_bytes(array, 1), np.float64)[array.offset : array.offset + len(array)]
    if not array.null_count:
        return Column(slice(None), value), []
    row = np.flatnonzero(valid(array))
    return Column(row, value[row]), []


def _odd_values(array: _Array) -> tuple[Column, list[tuple[int, str]]]:
    """Read a column by its distinct texts."""
    row = np.flatnonzero(valid(array))
    encoded = array.drop_null().dictionary_encode()
    texts = texts_of(encoded.dictionary)
    values = np.zeros(len(texts))
    is_value, is_word = np.zeros(len(texts), bool), np.zeros(len(texts), bool)
    for index, text in enumerate(texts):
        try:
            value = cell(text)
        except ValueError:
            is_word[index] = True
            continue
        if value is not None:
            values[index], is_value[index] = value, True
    code = encoded.indices.to_numpy(zero_copy_only=False)
    has_value = is_value[code]
    odd = np.flatnonzero(is_word[code])
    words = [(int(row[index]), texts[code[index]]) for index in odd.tolist()]
    return Column(row[has_value], values[code[has_value]]), words


def texts_of(array: _Array) -> list[str]:
    """The texts of an array, whatever bytes they are."""
    import pyarrow as pa

    return [(text or b"").decode("utf-8", "replace") for text in array.cast(pa.binary()).to_pylist()]


def only_array(column: _ChunkedArray) -> _Array:
    joined: _Array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()  # type: ignore[assignment]
    return joined


def _bytes(array: _Array, which: int) -> Any:
    return array.buffers()[which]


def valid(array: _Array) -> NDArray[np.bool_]:
    bits = _bytes(array, 0)
    if bits is None:
        return np.ones(len(array), np.bool_)
    every = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little").view(np.bool_)
    return every[array.offset : array.offset + len(array)]


def readable(data: bytes) -> bytes:
    """The same text, with question marks for all that is not ASCII if any of it is no UTF-8.

    pyarrow hands over rows that do not fit as str, and cannot do so with other bytes.
    """
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.translate(_ONLY_ASCII)
    return data
