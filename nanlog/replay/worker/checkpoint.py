"""What a checkpoint holds, found by its shape: no two trainers agree on names.

A state dict is a mapping of names to tensors; the state of an optimizer has ``state`` and ``param_groups``; that of a
loss scaler a ``growth_factor``; that of a scheduler a ``last_epoch``.  They are looked for at the top and in the
mappings below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from .state import RngStates
from .unpickling import read_file

__all__ = ["Checkpoint", "read_checkpoint", "said_nonfinite"]

#: Names under which trainers keep the weights, the surest first; ``ema`` and the like come after any of them.
_MODEL = ("model_state_dict", "state_dict", "model_state", "model", "net", "network", "module", "weights", "params")
_STEPS = (
    "global_step",
    "step",
    "steps",
    "iteration",
    "iter",
    "iter_num",
    "num_updates",
    "n_iter",
    "it",
    "global_steps",
)
_DEPTH = 3


@dataclass(slots=True)
class Checkpoint:
    """The parts of a checkpoint; empty where it has none.

    ``models`` are all mappings of names to tensors, the likeliest first, by the path they stand under.  ``step`` is
    what the file says; ``epoch`` counts from 0.  ``left_out`` are sentences about parts that
    could not be read.
    """

    path: str
    models: dict[str, Mapping[str, torch.Tensor]] = field(default_factory=dict)
    optimizers: list[Mapping[str, Any]] = field(default_factory=list)
    scalers: list[Mapping[str, Any]] = field(default_factory=list)
    schedulers: list[Mapping[str, Any]] = field(default_factory=list)
    rng: RngStates = field(default_factory=RngStates)
    step: int | None = None
    epoch: int | None = None
    raw: Any = None
    left_out: list[str] = field(default_factory=list)

    @property
    def updates(self) -> int | None:
        """How many updates the optimizer itself counted (Adam and its kin do)."""
        counted = [
            int(state["step"])
            for optimizer in self.optimizers
            for state in _mappings(optimizer.get("state"))
            if "step" in state and _is_count(state["step"])
        ]
        return max(counted, default=None)

    def nonfinite(self) -> dict[str, str]:
        """Entries of the weights and of the optimizers' states that hold NaN or an infinity, and how many."""
        weights = next(iter(self.models.values()), {})
        found = {name: said for name, tensor in weights.items() if (said := said_nonfinite(tensor))}
        for optimizer in self.optimizers:
            for key, state in (optimizer.get("state") or {}).items():
                for name, value in state.items() if isinstance(state, Mapping) else ():
                    if isinstance(value, torch.Tensor) and (said := said_nonfinite(value)):
                        found[f"optimizer state {key}.{name}"] = said
        return found


def read_checkpoint(path: str, trust: bool = False) -> Checkpoint:
    """Read a file, or a folder that a trainer wrote; nothing of it is executed unless ``trust``.

    Raises :class:`~nanlog.errors.UnreadableError` with one sentence for anything that is no checkpoint.
    """
    place = Path(path)
    if place.is_dir():
        from .folder import read_folder

        parts, left_out = read_folder(place, trust)
        found = sorted_out(path, parts)
        found.left_out = left_out
        return found
    return sorted_out(path, read_file(place, trust))


def sorted_out(path: str, raw: Any) -> Checkpoint:
    """Find the parts of what was read."""
    found = Checkpoint(path, raw=raw)
    if isinstance(raw, torch.nn.Module):
        found.models["the pickled model"] = raw.state_dict()
        return found
    if not isinstance(raw, Mapping):
        return found
    models = dict(_models(raw))
    found.models = {key: models[key] for key in sorted(models, key=_rank)}
    for _, part in _parts(raw):
        if "param_groups" in part and "state" in part:
            found.optimizers.append(part)
        elif "growth_factor" in part and "scale" in part:
            found.scalers.append(part)
        elif "last_epoch" in part or "_step_count" in part:
            found.schedulers.append(part)
    found.step, found.epoch = _number(raw, _STEPS), _number(raw, ("epoch", "current_epoch"))
    found.rng = _rng(raw)
    return found


def _parts(tree: Any, path: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The mapping itself and those below it, in lists and tuples too; never inside a part that was recognised."""
    if isinstance(tree, Mapping):
        yield path, tree
        if depth == 0 or "param_groups" in tree or _is_weights(tree):
            return
        for key, value in tree.items():
            yield from _parts(value, f"{path}.{key}" if path else str(key), depth - 1)
    elif isinstance(tree, list | tuple) and depth and len(tree) <= 64:
        for index, value in enumerate(tree):
            yield from _parts(value, f"{path}[{index}]", depth - 1)


def _models(raw: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, torch.Tensor]]]:
    for path, part in _parts(raw):
        if _is_weights(part):
            yield path or "the file itself", {str(k): v for k, v in part.items() if isinstance(v, torch.Tensor)}
        else:
            for key, value in part.items():
                if isinstance(value, torch.nn.Module):
                    yield f"{path}.{key}" if path else str(key), value.state_dict()


def _is_weights(part: Mapping[Any, Any]) -> bool:
    """Names to tensors, and little else: ``_extra_state`` entries hold anything."""
    if not part or not all(isinstance(key, str) for key in part):
        return False
    tensors = sum(isinstance(value, torch.Tensor) for value in part.values())
    return tensors > 0 and tensors >= len(part) - sum(key.endswith("_extra_state") for key in part)


def _rank(path: str) -> tuple[int, int, int]:
    words = path.lower().split(".")
    known = next((index for index, name in enumerate(_MODEL) if name in words), len(_MODEL))
    averaged = any("ema" in word or "swa" in word or "average" in word for word in words)
    rng = any("rng" in word or "random" in word for word in words)
    return int(rng), int(averaged), known


def _number(raw: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The first of ``names`` that holds a count, at the top or one mapping below it."""
    below = [value for value in raw.values() if isinstance(value, Mapping) and "param_groups" not in value]
    for part in (raw, *below):
        for name in names:
            if name in part and _is_count(part[name]):
                return int(part[name])
    return None


def _is_count(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.numel() == 1 and not value.is_complex() and bool(value.isfinite()) and float(value) >= 0
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _rng(raw: Mapping[str, Any]) -> RngStates:
    """Generators by the shape of their states: torch's are bytes, numpy's and Python's tuples."""
    states: dict[str, Any] = {}
    for key, value in _random_entries(raw):
        name = key.lower()
        if isinstance(value, torch.Tensor) and value.dtype == torch.uint8:
            states.setdefault("cuda" if "cuda" in name else "mps" if "mps" in name else "cpu", value)
        elif isinstance(value, list | tuple) and value and all(_is_bytes(each) for each in value):
            states["cuda"] = tuple(value)
        elif isinstance(value, tuple | list) and len(value) == 3 and value[0] == 3:
            states["python"] = (3, tuple(value[1]), value[2])
        elif isinstance(value, tuple | list) and len(value) == 5 and value[0] == "MT19937":
            states["numpy"] = tuple(value)
    if isinstance(states.get("cuda"), torch.Tensor):
        states["cuda"] = (states["cuda"],)
    return RngStates(**states)


def _random_entries(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in raw.items():
        if "rng" in str(key).lower() or "random" in str(key).lower():
            if isinstance(value, Mapping):
                yield from ((f"{key}.{inner}", each) for inner, each in value.items())
            else:
                yield str(key), value


def _is_bytes(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype == torch.uint8


def _mappings(tree: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, Mapping):
        yield from (value for value in tree.values() if isinstance(value, Mapping))


def said_nonfinite(tensor: torch.Tensor) -> str | None:
    """``3 of 120 values are NaN``; None when all are finite."""
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.numel() == 0:
        return None
    bad = int((~torch.isfinite(tensor)).sum())
    if not bad:
        return None
    kind = "NaN" if bool(torch.isnan(tensor).any()) else "infinite"
    return f"{bad} of {tensor.numel()} values are {kind}" if bad > 1 else f"1 of {tensor.numel()} values is {kind}"
