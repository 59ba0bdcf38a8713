"""TensorProto: the numbers or strings of a tensor, in whichever of its many fields they stand."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ._wire import FIXED32, FIXED64, LENGTH, VARINT, Field, MalformedError, signed, varints

__all__ = ["Spot", "Tensor", "numbers_in", "read_tensor"]

#: ``DataType`` of tensorflow/core/framework/types.proto -> how an element stands in ``tensor_content``.
_CONTENT = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "<u1",
    5: "<i2",
    6: "<i1",
    9: "<i8",
    10: "|b1",
    14: "bfloat16",
    17: "<u2",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}
_STRING = 7
#: Field of TensorProto -> wire type and form of the numbers of fixed size in it.
_FIXED = {5: (FIXED32, "<f4"), 6: (FIXED64, "<f8")}
#: Fields that hold varints; 13 holds the bits of half and bfloat16 numbers.
_VARINTS = {7, 10, 11, 13, 16, 17}
_STRING_VAL, _HALF_VAL = 8, 13
#: More elements are no scalar and no histogram.
_MOST = 1 << 16


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a number of fixed size stands in a record, and in which form."""

    begin: int
    form: str

    @property
    def size(self) -> int:
        return 2 if self.form == "bfloat16" else np.dtype(self.form).itemsize


@dataclass(slots=True)
class Tensor:
    """What a tensor holds; ``shape`` is None where its rank is unknown.

    ``spot`` is where the only element stands, if it has a place of its own.
    """

    dtype: int = 0
    shape: tuple[int, ...] | None = ()
    numbers: list[float] = field(default_factory=list)
    strings: list[bytes] = field(default_factory=list)
    spot: Spot | None = None

    @property
    def size(self) -> int:
        return math.prod(self.shape) if self.shape is not None else len(self.numbers)

    def scalar(self) -> float | None:
        """The only number; None where there are several, or none."""
        return self.numbers[0] if self.shape is not None and self.size == 1 and len(self.numbers) == 1 else None

    def array(self) -> NDArray[np.float64] | None:
        """All numbers in their shape; a last one that stands for the rest is repeated."""
        if self.shape is None or not self.numbers or not 0 < self.size <= _MOST or len(self.numbers) > self.size:
            return None
        missing = self.size - len(self.numbers)
        return np.array(self.numbers + self.numbers[-1:] * missing, np.float64).reshape(self.shape)


def numbers_in(content: NDArray[np.uint8], form: str) -> NDArray[np.float64]:
    """The numbers whose bytes follow one another; a bfloat16 is the upper half of a float."""
    if form == "bfloat16":
        return (content.view("<u2").ravel().astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
    return content.view(form).ravel().astype(np.float64)


def _numbers_of(content: bytes, form: str) -> NDArray[np.float64]:
    size = Spot(0, form).size
    return numbers_in(np.frombuffer(content[: len(content) - len(content) % size], np.uint8), form)


def read_tensor(message: Field) -> Tensor:
    """Read a TensorProto; raises :class:`MalformedError`."""
    tensor = Tensor()
    content: Field | None = None
    raw: list[int] = []
    for part in message.fields():
        if part.number == 1 and part.wire == VARINT:
            tensor.dtype = part.value
        elif part.number == 2:
            tensor.shape = _shape(part)
        elif part.number == 4 and part.wire == LENGTH:
            content = part
        elif part.number in _FIXED:
            _read_fixed(tensor, part)
        elif part.number in _VARINTS:
            raw += varints(part)
        elif part.number == _STRING_VAL and part.wire == LENGTH:
            tensor.strings.append(part.content)
    if raw:
        _read_raw(tensor, raw)
    if content is not None and content.end > content.begin and tensor.dtype in _CONTENT:
        _read_content(tensor, content)
    return tensor


def _shape(message: Field) -> tuple[int, ...] | None:
    sizes: list[int] = []
    for part in message.fields():
        if part.number == 3 and part.value:
            return None
        if part.number == 2:
            sizes.append(max((signed(size.value) for size in part.fields() if size.number == 1), default=0))
    if any(size < 0 for size in sizes):
        raise MalformedError(f"the shape at byte {message.begin} has a negative size")
    return tuple(sizes)


def _read_fixed(tensor: Tensor, part: Field) -> None:
    wire, form = _FIXED[part.number]
    if part.wire not in (wire, LENGTH):
        raise MalformedError(f"byte {part.begin} begins no list of numbers")
    spot = Spot(part.begin, form)
    found = _numbers_of(part.content, spot.form)[:_MOST]
    tensor.spot = spot if len(found) == 1 and not tensor.numbers else None
    tensor.numbers += found.tolist()


def _read_raw(tensor: Tensor, raw: list[int]) -> None:
    form = _CONTENT.get(tensor.dtype, "<i8")
    if form in ("<f2", "bfloat16"):
        bits = np.array([number & 0xFFFF for number in raw[:_MOST]], "<u2").tobytes()
        tensor.numbers += _numbers_of(bits, form).tolist()
    elif form == "<u8":
        tensor.numbers += [float(number) for number in raw[:_MOST]]
    else:
        tensor.numbers += [float(signed(number)) for number in raw[:_MOST]]


def _read_content(tensor: Tensor, part: Field) -> None:
    spot = Spot(part.begin, _CONTENT[tensor.dtype])
    found = _numbers_of(part.content, spot.form)[:_MOST]
    tensor.numbers = found.tolist()
    tensor.spot = spot if len(found) == 1 and part.end - part.begin == spot.size else None
