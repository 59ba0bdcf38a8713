"""The torch side of a bundle of the flight recorder: its batches, and what each step read besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nanlog.errors import UnreadableError
from nanlog.replay.recorded import BATCHES, STATE, Manifest, read_manifest

from .state import RngStates, restore_rng
from .tree import cloned
from .unpickling import read_file

__all__ = ["Recorded", "read_recorded", "restore_rest", "rng_of"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What ``nanlog.replay.recorded`` describes, read; see there."""

    manifest: Manifest
    batches: Mapping[int, Sequence[Any]]
    rng_states: Mapping[int, RngStates] = field(default_factory=dict)
    groups: Mapping[int, Sequence[Sequence[Mapping[str, Any]]]] = field(default_factory=dict)
    losses: Mapping[int, float] = field(default_factory=dict)

    def micro_batches(self, step: int) -> list[Any]:
        """Copies of the micro-batches of a step.  Raises ``LookupError`` for a step that was not recorded."""
        if step not in self.batches:
            known = f"{min(self.batches)} to {max(self.batches)}" if self.batches else "none"
            raise LookupError(f"the bundle holds no batch of step {step}; it holds {known}")
        return [cloned(each) for each in self.batches[step]]

    @property
    def accumulated(self) -> int:
        """How many micro-batches make a step."""
        return max((len(each) for each in self.batches.values()), default=1)

    def numbered(self, accumulate: int) -> dict[int, Any]:
        """The micro-batches by their number over the whole training, ``accumulate`` of them a step."""
        return {
            step * accumulate + place: each
            for step, micro in self.batches.items()
            for place, each in enumerate(micro[:accumulate])
        }

    def device(self, wanted: str) -> str:
        """``auto`` is the kind of device that the training ran on, where there is one here."""
        kind = self.manifest.device.partition(":")[0]
        there = kind == "cpu" or (kind == "cuda" and torch.cuda.is_available())
        there = there or (kind == "mps" and torch.backends.mps.is_available())
        return kind if wanted == "auto" and there else wanted

    def restore_threads(self) -> None:
        """Sums over other numbers of threads differ in the last bits."""
        if self.manifest.threads:
            torch.set_num_threads(self.manifest.threads)

    def notes(self) -> list[str]:
        """What a reader of the replay must know."""
        found = list(self.manifest.notes)
        if not self.manifest.exact:
            found.append(
                f"the state stands before step {self.manifest.state_step}, the batches begin with step"
                f" {self.manifest.first_batch}: the steps between cannot be repeated (more memory for batches helps)"
            )
        if self.manifest.left_out:
            found.append(f"no plain data and not in the bundle: {', '.join(self.manifest.left_out[:5])}")
        return found

    def set_scene(self, step: int, optimizers: Sequence[Any] = ()) -> None:
        """Put random numbers and the settings of the optimizers (rates, momenta) to what the step had."""
        if step in self.rng_states:
            restore_rng(self.rng_states[step])
        for optimizer, groups in zip(optimizers, self.groups.get(step, ()), strict=False):
            for group, saved in zip(optimizer.param_groups, groups, strict=False):
                group.update({key: value for key, value in saved.items() if key in group})


def read_recorded(path: str | Path) -> Recorded | None:
    """The batches of a bundle; None for anything that is no bundle.

    Nothing is unpickled that could run code.  Raises ``UnreadableError`` with a sentence.
    """
    manifest = read_manifest(path)
    if manifest is None:
        return None
    content = read_file(Path(path) / BATCHES, trust=False)
    if not isinstance(content, Mapping) or not isinstance(content.get("batches"), Mapping):
        raise UnreadableError(f"the bundle {path} holds no batches: {BATCHES} is none that nanlog wrote")
    return Recorded(
        manifest,
        content["batches"],
        {step: rng_of(states) for step, states in content.get("rng_states", {}).items()},
        content.get("groups", {}),
        content.get("losses", {}),
    )


def rng_of(states: Mapping[str, Any]) -> RngStates:
    """From the mapping that a bundle holds; lists where a pickle of plain values has no tuples or arrays."""
    python, numpy = states.get("python"), states.get("numpy")
    return RngStates(
        None if python is None else (python[0], tuple(python[1]), python[2]),
        None if numpy is None else tuple(numpy),
        states.get("cpu"),
        tuple(states.get("cuda", ())),
        states.get("mps"),
    )


def restore_rest(model: Any, folder: str | Path) -> None:
    """What a state dict does not hold: buffers that are not saved, modes, plain attributes of modules."""
    content = read_file(Path(folder) / STATE, trust=False)
    modules = dict(model.named_modules())
    for name, tensor in content.get("buffers", {}).items():
        owner, _, key = name.rpartition(".")
        if owner in modules and key in modules[owner]._buffers:
            modules[owner]._buffers[key] = tensor.clone().to(_device(model))
    for name, training in content.get("modes", {}).items():
        if name in modules:
            modules[name].training = training
    for name, attributes in content.get("attributes", {}).items():
        for key, value in attributes.items():
            if name in modules and key in vars(modules[name]):
                setattr(modules[name], key, cloned(value))


def _device(model: Any) -> Any:
    return next((parameter.device for parameter in model.parameters()), "cpu")
