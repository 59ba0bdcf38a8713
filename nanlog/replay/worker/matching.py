"""Putting the weights of a checkpoint into a model whose names differ by a prefix."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

import torch

from nanlog.errors import UnreadableError

__all__ = ["load_weights"]

#: What wrappers put before every name: DataParallel and DDP, torch.compile, FSDP.
_WRAPPERS = ("module.", "_orig_mod.", "_fsdp_wrapped_module.")
_NAMED = 4


def load_weights(model: torch.nn.Module, models: Mapping[str, Mapping[str, torch.Tensor]], path: str) -> str:
    """Load the first of ``models`` that fits and return the path it stands under in the file.

    Raises ``UnreadableError`` that lists the nearest names when none does.
    """
    if not models:
        raise UnreadableError(f"the checkpoint {path} holds no weights: no mapping of names to tensors is in it")
    wanted = model.state_dict()
    for place, weights in models.items():
        for names in _spellings(weights, wanted):
            if _fits(names, wanted):
                model.load_state_dict({name: names[name] for name in wanted if name in names}, strict=False)
                return place
    raise UnreadableError(_mismatch(path, next(iter(models.values())), wanted))


def _fits(names: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> bool:
    tensors = {name: value for name, value in wanted.items() if isinstance(value, torch.Tensor)}
    return all(name in names and names[name].shape == tensor.shape for name, tensor in tensors.items())


def _spellings(
    weights: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> Iterator[dict[str, torch.Tensor]]:
    """The names as they are, without what wrappers add, and without or with a prefix that makes the first one fit."""
    yield dict(weights)
    bare = {_unwrapped(name): value for name, value in weights.items()}
    yield bare
    first = next(iter(wanted), "")
    for prefix in dict.fromkeys(name.removesuffix(first) for name in bare if name.endswith("." + first)):
        yield {name.removeprefix(prefix): value for name, value in bare.items() if name.startswith(prefix)}
    for name in list(bare)[:1]:
        if first.endswith("." + name):
            yield {first.removesuffix(name) + name_: value for name_, value in bare.items()}


def _unwrapped(name: str) -> str:
    for wrapper in _WRAPPERS:
        name = name.replace("." + wrapper, ".").removeprefix(wrapper)
    return name


def _mismatch(path: str, weights: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> str:
    bare = {_unwrapped(name): value for name, value in weights.items()}
    lacking = [name for name in wanted if name not in bare]
    shapes = [name for name in wanted if name in bare and bare[name].shape != wanted[name].shape]
    parts = []
    if lacking:
        parts.append(f"it lacks {_listed([_nearest(name, bare) for name in lacking])}")
    if shapes:
        parts.append(
            _listed(
                [f"{name} is {_shape(bare[name])} there and {_shape(wanted[name])} in the model" for name in shapes]
            )
        )
    return (
        f"the weights of {path} do not fit the model of the target: {'; '.join(parts)}."
        " Build the model as the training did"
    )


def _nearest(name: str, names: Mapping[str, torch.Tensor]) -> str:
    near = difflib.get_close_matches(name, names, 1, cutoff=0.6)
    return f"{name} (nearest: {near[0]})" if near else name


def _listed(items: list[str]) -> str:
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"
