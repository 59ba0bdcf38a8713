"""What the schema of an ATen operator says about where it reads and writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Operator", "flat", "operator_of"]

#: Made without any value: whatever lies in that memory is nobody's fault until it is read.
_UNINITIALISED = frozenset(
    {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "empty_permuted", "resize_", "set_"}
)
#: In-place operators that read nothing of what they overwrite.
_OVERWRITES = frozenset({"copy_", "fill_", "zero_", "normal_", "uniform_", "_foreach_copy_", "_foreach_zero_"})
#: Aliases that their schema does not declare.
_VIEWS = frozenset({"_unsafe_view", "_reshape_alias", "detach", "alias"})
#: Statistics that are updated in place although the schema does not say so.
_SILENT_WRITES = {
    "native_batch_norm": (3, 4),
    "cudnn_batch_norm": (3, 4),
    "miopen_batch_norm": (3, 4),
    "_batch_norm_impl_index": (3, 4),
}


@dataclass(frozen=True, slots=True)
class Operator:
    """One overload of an ATen operator.

    ``writes`` are the arguments changed in place (position, name); ``lanes`` says that lists are worked through side by
    side, as ``_foreach_`` and fused optimizers do; ``constant`` that it brings a number into a tensor.
    """

    kernel: str
    view: bool = False
    writes: tuple[tuple[int, str], ...] = ()
    overwrites: bool = False
    uninitialised: bool = False
    lanes: bool = False
    constant: bool = False

    def written(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[torch.Tensor, int | None]]:
        for position, name in self.writes:
            value = args[position] if position < len(args) else kwargs.get(name)
            yield from self.with_lanes(value)

    def with_lanes(self, value: Any) -> Iterator[tuple[torch.Tensor, int | None]]:
        """Each tensor with its place in the list where places belong together."""
        if isinstance(value, torch.Tensor):
            yield value, None
        elif isinstance(value, list | tuple):
            for lane, each in enumerate(value):
                if isinstance(each, torch.Tensor):
                    yield each, lane if self.lanes else None


_KNOWN: dict[Any, Operator] = {}


def operator_of(function: Any) -> Operator:
    known = _KNOWN.get(function)
    if known is None:
        known = _KNOWN[function] = _read(function)
    return known


def _read(function: Any) -> Operator:
    schema = getattr(function, "_schema", None)
    if schema is None:  # a higher-order operator: it takes functions
        return Operator(str(getattr(function, "__name__", function)))
    kernel = schema.name.rpartition("::")[2]
    writes = tuple(
        (position, argument.name)
        for position, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    writes += tuple((position, schema.arguments[position].name) for position in _SILENT_WRITES.get(kernel, ()))
    aliases = any(each.alias_info is not None and not each.alias_info.is_write for each in schema.returns)
    return Operator(
        kernel,
        view=(aliases and not writes and kernel != "lift_fresh") or kernel in _VIEWS,
        writes=writes,
        overwrites=kernel in _OVERWRITES or any(name == "out" for _, name in writes),
        uninitialised=kernel in _UNINITIALISED,
        lanes=kernel.startswith(("_foreach_", "_fused_", "_amp_foreach_")),
        constant=kernel in ("lift_fresh", "scalar_tensor"),
    )


def flat(value: Any) -> Iterator[Any]:
    """What lists, tuples and mappings of arguments or results hold."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from flat(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from flat(each)
    else:
        yield value
