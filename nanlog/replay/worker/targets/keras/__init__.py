"""Keras 3 on the torch backend: a ``.keras`` file, and a function that returns the data.

::

    nanlog replay --checkpoint model.keras --target data.py

The model is compiled as its file says; each step is its own ``train_step``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from nanlog.errors import UnreadableError
from nanlog.replay.plan import Plan
from nanlog.replay.recorded import read_manifest
from nanlog.replay.worker.training import Loaded, Training

__all__ = ["TARGET"]


class Keras:
    """Takes every target for a file of Keras or a bundle of ``KerasRecorder``, and dictionaries with a Keras model."""

    def takes(self, made: Any, checkpoint: str) -> bool:
        if checkpoint.endswith((".keras", ".weights.h5", ".h5", ".hdf5")):
            return True
        if isinstance(made, Mapping) and "loss" not in made and _is_model(made.get("model")):
            return True
        try:
            manifest = read_manifest(checkpoint)
        except UnreadableError:
            return False
        return manifest is not None and manifest.framework == "keras"

    def open(self, made: Any, plan: Plan) -> tuple[Training, Loaded]:
        from .opening import opened

        return opened(made, plan)


def _is_model(given: Any) -> bool:
    return "keras" in sys.modules and any(base.__module__.startswith("keras.") for base in type(given).__mro__)


TARGET = Keras()
