"""Whether a tensor is finite, and its range, without drawing a random number or touching the autograd graph."""

from __future__ import annotations

from typing import NamedTuple

import torch

from nanlog.replay.outcome import Operand

__all__ = ["Extent", "Kinds", "extent", "is_finite", "kinds", "mask_of_nonfinite", "numbers", "operand"]


class Extent(NamedTuple):
    """Smallest and largest value; both NaN where the tensor holds one."""

    minimum: float
    maximum: float

    @property
    def finite(self) -> bool:
        return self.minimum - self.minimum == 0 and self.maximum - self.maximum == 0


class Kinds(NamedTuple):
    """How many elements are NaN, +inf and -inf."""

    nan: int
    positive: int
    negative: int

    @property
    def total(self) -> int:
        return self.nan + self.positive + self.negative

    def word(self) -> str:
        return "nan" if self.nan else "inf" if self.positive else "-inf"


def numbers(tensor: torch.Tensor) -> torch.Tensor | None:
    """The floating values that a tensor stores, as a plain real tensor; None where it holds none that can be read."""
    try:
        if tensor.is_meta or not (tensor.is_floating_point() or tensor.is_complex()):
            return None
        if tensor.layout is not torch.strided:
            tensor = _stored(tensor)
        elif tensor.is_nested:
            tensor = tensor.values()
        if tensor.is_complex():
            tensor = torch.view_as_real(tensor.resolve_conj())
        if tensor.is_floating_point() and tensor.element_size() == 1:
            tensor = tensor.float()
        return tensor if tensor.numel() else None
    except (RuntimeError, TypeError, AttributeError, NotImplementedError):
        return None


def _stored(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.layout is torch.sparse_coo:
        return tensor._values()
    return tensor.to_dense() if tensor.is_mkldnn else tensor.values()


def is_finite(values: torch.Tensor) -> bool:
    """A sum is finite only if every term is; it is read once and several times as fast as a test of each element."""
    total = float(values.sum())
    return total - total == 0 or extent(values).finite


def extent(values: torch.Tensor) -> Extent:
    low, high = torch.aminmax(values)
    return Extent(float(low), float(high))


def kinds(values: torch.Tensor) -> Kinds:
    infinite = torch.isinf(values)
    positive = int((infinite & (values > 0)).sum())
    return Kinds(int(torch.isnan(values).sum()), positive, int(infinite.sum()) - positive)


def mask_of_nonfinite(tensor: torch.Tensor) -> torch.Tensor | None:
    """Of the shape of the tensor; None where that cannot be had (sparse, nested)."""
    if tensor.layout is not torch.strided or tensor.is_nested:
        return None
    if tensor.is_floating_point() and tensor.element_size() == 1:
        tensor = tensor.float()
    return ~torch.isfinite(tensor)


def operand(name: str, tensor: torch.Tensor, made_by: str | None) -> Operand:
    """The summary of an argument; integers have a range, too."""
    shape, dtype = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
    values = numbers(tensor)
    if values is None:
        values = tensor if tensor.layout is torch.strided and tensor.numel() and not tensor.is_meta else None
    if values is None or values.dtype is torch.bool:
        return Operand(name, shape, dtype, None, None, made_by=made_by)
    good = values[torch.isfinite(values)] if values.is_floating_point() else values
    low, high = extent(good) if good.numel() else (None, None)
    return Operand(
        name, shape, dtype, low, high, int((good == 0).sum()), values.numel() - good.numel(), made_by=made_by
    )
