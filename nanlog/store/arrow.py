"""Arrow arrays straight from buffers, and numpy arrays straight out of them.

``pyarrow.array`` and ``to_numpy`` import pandas to find out whether they were given something of pandas; that alone
takes longer than writing a large run.  The functions here do without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Number = TypeVar("Number", np.int32, np.int64, np.float64)


def numbers(values: NDArray[Number], known: NDArray[np.bool_] | None = None) -> pa.Array[Any]:
    """Numbers, bit for bit; null where not ``known``."""
    import pyarrow as pa

    data = pa.py_buffer(np.ascontiguousarray(values).data)
    known = None if known is None or known.all() else known
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [_bitmap(known), data])


def no_numbers(count: int) -> pa.Array[Any]:
    """So many floats, all of them null."""
    import pyarrow as pa

    return pa.nulls(count, pa.float64())


def flags(values: Sequence[bool]) -> pa.Array[Any]:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bitmap(np.array(values, np.bool_))])


def text(values: Sequence[str | None]) -> pa.Array[Any]:
    """Strings; half a surrogate pair, which UTF-8 cannot hold, is written as its escape."""
    import pyarrow as pa

    encoded = [b"" if value is None else value.encode("utf-8", "backslashreplace") for value in values]
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=ends[1:])
    known = np.fromiter((value is not None for value in values), np.bool_, len(values))
    buffers = [_bitmap(known), pa.py_buffer(ends.data), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.large_string(), len(values), buffers)


def words(codes: NDArray[np.int32], vocabulary: Sequence[str]) -> pa.Array[Any]:
    """Strings out of a small vocabulary; ``codes`` are indices into it."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(numbers(codes), text(vocabulary))


def few_words(values: Sequence[str]) -> pa.Array[Any]:
    """Strings of which most are equal to others."""
    vocabulary = {word: code for code, word in enumerate(dict.fromkeys(values))}
    return words(np.fromiter((vocabulary[value] for value in values), np.int32, len(values)), tuple(vocabulary))


def numbers_of(column: pa.ChunkedArray[Any], missing: Number) -> NDArray[Number]:
    """The inverse of :func:`numbers`; ``missing``, whose type is the column's, stands where a value is null."""
    return _numbers_of(column.combine_chunks(), missing)


def codes_of(column: pa.ChunkedArray[Any], vocabulary: Sequence[str]) -> NDArray[np.int64]:
    """The inverse of :func:`words`; raises ``KeyError`` for a word that is not in the vocabulary."""
    array = cast("pa.DictionaryArray[Any, Any]", column.unify_dictionaries().combine_chunks())
    index = {word: code for code, word in enumerate(vocabulary)}
    code = np.array([index[str(word)] for word in array.dictionary.to_pylist()], np.int64)
    return code[_numbers_of(array.indices, np.int32(0))]


def _numbers_of(array: pa.Array[Any], missing: Number) -> NDArray[Number]:
    if not len(array):
        return np.empty(0, missing.dtype)
    known, data = cast("tuple[bytes, bytes]", tuple(array.buffers()))
    values = np.frombuffer(data, missing.dtype)
    own = slice(array.offset, array.offset + len(array))
    if not array.null_count:
        return values[own]
    is_known = np.unpackbits(np.frombuffer(known, np.uint8), bitorder="little")[own].view(np.bool_)
    return np.where(is_known, values[own], missing)


def _bitmap(known: NDArray[np.bool_] | None) -> pa.Buffer | None:
    import pyarrow as pa

    return None if known is None else pa.py_buffer(np.packbits(known, bitorder="little").data)
