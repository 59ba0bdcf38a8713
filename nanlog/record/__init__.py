"""The flight recorder: what a training must leave behind so that its NaN can be replayed exactly.

    recorder = Recorder(model, optimizer, target="train.py:target")
    for batch in loader:
        with recorder.step(batch):
            ...  # the step as it was

``LightningRecorder`` and ``KerasRecorder`` are callbacks that do the same; ``nanlog record train.py`` needs no change
of the code at all.  Nothing is imported but what is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .keras_callback import KerasRecorder
    from .lightning_callback import LightningRecorder
    from .recorder import Recorder, TrainingStopped

__all__ = ["KerasRecorder", "LightningRecorder", "Recorder", "TrainingStopped"]

_HOMES = {
    "KerasRecorder": "keras_callback",
    "LightningRecorder": "lightning_callback",
    "Recorder": "recorder",
    "TrainingStopped": "recorder",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
