"""Checkpoints that are folders: what Hugging Face's Trainer and Accelerate write, and bundles of the recorder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nanlog.errors import UnreadableError
from nanlog.replay.recorded import MANIFEST, STATE

from .unpickling import read_file

__all__ = ["read_folder"]

#: The file names of each part, the likeliest first.
_PARTS = {
    "model": ("model.safetensors", "pytorch_model.bin", "adapter_model.safetensors", "adapter_model.bin", "model.pt"),
    "optimizer": ("optimizer.pt", "optimizer.bin", "optim.pt"),
    "scheduler": ("scheduler.pt", "scheduler.bin"),
    "scaler": ("scaler.pt",),
    "rng_state": ("rng_state.pth", "rng_state_0.pth", "random_states_0.pkl"),
}


def read_folder(folder: Path, trust: bool) -> tuple[dict[str, Any], list[str]]:
    """The parts of the folder as one mapping, and why others are left out.

    Raises ``UnreadableError`` when it holds no weights, or none that can be read.
    """
    if (folder / MANIFEST).is_file():
        return _of_bundle(folder, trust), []
    found = {name: path for name, files in _PARTS.items() if (path := _first(folder, files))}
    shards = folder / "model.safetensors.index.json"
    if "model" not in found and not shards.exists():
        inside = sorted(path.name for path in folder.iterdir())
        raise UnreadableError(
            f"the folder {folder} holds no weights that nanlog knows ({', '.join(_PARTS['model'][:2])});"
            f" name one of its files: {', '.join(inside[:5]) or 'it is empty'}"
        )
    parts: dict[str, Any] = {}
    left_out = []
    for name, path in found.items():
        try:
            parts[name] = read_file(path, trust)
        except UnreadableError as error:
            if name == "model":
                raise
            left_out.append(str(error))
    if "model" not in found:
        parts["model"] = _joined(folder, shards, trust)
    state = folder / "trainer_state.json"
    if state.exists():
        parts["global_step"] = _json(state).get("global_step")
    return parts, left_out


def _of_bundle(folder: Path, trust: bool) -> dict[str, Any]:
    """What checkpoints of all kinds hold; the rest is for ``nanlog.replay.worker.recorded``."""
    content = read_file(folder / STATE, trust)
    if not isinstance(content, dict):
        raise UnreadableError(f"the bundle {folder} holds no state: {STATE} is none that nanlog wrote")
    return {key: value for key, value in content.items() if key not in ("buffers", "modes", "attributes")}


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _joined(folder: Path, index: Path, trust: bool) -> dict[str, Any]:
    weights: dict[str, Any] = {}
    for name in sorted(set(_json(index).get("weight_map", {}).values())):
        weights.update(read_file(folder / Path(name).name, trust))
    return weights


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path} cannot be read: {error}") from error
    return content if isinstance(content, dict) else {}
