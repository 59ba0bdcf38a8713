"""What the flight recorder (``nanlog.record``) leaves behind, as far as it can be read without a framework.

A bundle is a folder::

    bundle.json    what was found, which step the state stands before, which steps the batches are, code and versions
    state.pt       model, optimizers, loss scaler, schedulers and RNG states before step ``state_step``
    batches.pt     the batches from that step to the bad one, and what else a step reads

``state.pt`` (``torch.save``, to be loaded with ``weights_only``) holds ``model`` (a state dict), ``optimizer`` (a list
of them), ``scaler`` and ``scheduler`` (lists, where there are any), ``global_step`` and ``rng_state`` (``python``,
``numpy``, ``cpu``, ``cuda``, ``mps``); ``buffers`` are those that a state dict leaves out, ``modes`` which modules
train, ``attributes`` plain numbers and tensors of modules, each by the module's name.  Of Lightning it holds the
entries of its own checkpoints instead of the first four (``state_dict``, ``optimizer_states``, ``lr_schedulers``,
``loops``, ``hyper_parameters``, ``MixedPrecision``), ``precision`` and ``gradient_clip_val``.  Of
Keras the state is ``model.keras``; ``state.pt`` holds the RNG states, and by their paths ``variables`` (those of the
model, seeds included) and ``optimizer_variables``: they suffice where the target builds and compiles the model.

``batches.pt`` holds by step, counted from 0: ``batches`` (the list of the step's micro-batches, mostly one),
``rng_states`` (as in ``state.pt``, when the step began), ``groups`` (for each optimizer its parameter groups without
their parameters, as the update read them) and ``losses``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanlog.errors import UnreadableError

from .codec import decode, encode

__all__ = ["BATCHES", "MANIFEST", "STATE", "Manifest", "read_manifest"]

MANIFEST, STATE, BATCHES = "bundle.json", "state.pt", "batches.pt"
_VERSION = 1
_LARGEST = 1 << 24  #: bytes; what the recorder writes has a few thousand


@dataclass(frozen=True, slots=True)
class Manifest:
    """``bundle.json``.

    ``bad_step`` is the step in which ``found`` (``loss``, ``gradient`` or ``parameter``) was not finite first, and
    ``value`` what it was; ``state_step`` the step that the state stands before, ``first_batch`` the first step whose
    batch is there (later than ``state_step`` only where the memory for batches was too small: a replay is then not
    exact).  ``target`` is what ``nanlog replay --target`` takes, relative to ``directory``.  ``state`` is the file of
    the weights.  ``left_out`` names what was no plain data and could not be kept.
    """

    framework: str
    bad_step: int
    found: str
    value: str
    state_step: int
    first_batch: int
    state: str = STATE
    tensor: str | None = None
    target: str | None = None
    directory: str = ""
    argv: tuple[str, ...] = ()
    code: str | None = None
    git_commit: str | None = None
    device: str = "cpu"
    threads: int = 0
    rank: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the batches reach back to the state."""
        return self.first_batch <= self.state_step

    def as_text(self) -> str:
        document = {"format": "nanlog bundle", "version": _VERSION, **encode(self)}
        return json.dumps(document, indent=1, allow_nan=False) + "\n"


def read_manifest(path: str | Path) -> Manifest | None:
    """The manifest of a bundle; None for anything that is no bundle.

    Raises ``UnreadableError`` with a sentence for a bundle that is damaged or of a later version.
    """
    file = Path(path) / MANIFEST
    if not file.is_file():
        return None
    try:
        if file.stat().st_size > _LARGEST:
            raise ValueError("it is far larger than any that nanlog writes")
        document: Any = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(document, Mapping) or document.get("format") != "nanlog bundle":
            raise ValueError("it is no description of a bundle")
        if document.get("version") != _VERSION:
            raise ValueError(f"it has version {document.get('version')}; this nanlog reads version {_VERSION}")
        return decode(Manifest, document)
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableError(f"the bundle {path} cannot be read: {MANIFEST}: {error}") from error
