"""Who takes part in a script's training: its model and optimizers as they become known, and the flight of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from nanlog.record.bundle import About
from nanlog.record.flight import Flight, Settings, log_of
from nanlog.record.listening import FlightListener
from nanlog.record.parts import Parts
from nanlog.replay.worker.probe import Probe

from .family import Family

__all__ = ["Cast"]

#: An optimizer that has not stepped when another one did so twice is not waited for.
_PATIENCE = 2


class Cast:
    """The flight is made when the first model is called."""

    def __init__(self, settings: Settings, about: About, on_found: Callable[[], object]) -> None:
        self.settings, self.about, self.on_found = settings, about, on_found
        self.family = Family()
        self.flight: Flight | None = None
        self.told: Any = _Nobody()
        self._called: torch.nn.Module | None = None
        self._inside: set[int] = set()
        self._steps: dict[int, int] = {}

    @property
    def model(self) -> torch.nn.Module | None:
        """As far as it is known: before the first call by what the optimizers train."""
        return self.family.model(None) if self.flight is None else self.flight.parts.model

    @property
    def log(self) -> Path:
        """Where the flight will write its log."""
        return log_of(self.settings, self.about)

    def add_optimizer(self, optimizer: Any) -> None:
        self.family.add_optimizer(optimizer)
        self._inside.clear()

    def trains(self, optimizer: Any) -> bool:
        """Whether it is one of torch's that is known, and not a wrapper around one."""
        return any(each is optimizer for each in self.family.optimizers)

    def know(self, called: torch.nn.Module | None, probe: Probe | None) -> None:
        """A module is called from outside: part of what is known, or more of it?"""
        if self.flight is not None and self._inside and (called is None or id(called) in self._inside):
            return
        if called is not None and next(called.parameters(), None) is None and self.flight is not None:
            return  # a loss, not a model
        model = self.family.model(called if called is not None else self._called)
        if model is None:
            return
        self._called = called if called is not None else self._called
        self._inside = {id(module) for module in model.modules()} | {id(called)}
        parts = _parts(model, self.family.optimizers)
        if self.flight is None:
            self.flight = Flight(parts, self.settings, self.about)
            self.flight.on_found = lambda found: self.on_found()
            self.told = FlightListener(self.flight)
        else:
            parts.scaler = self.flight.parts.scaler
            self.flight.parts = parts
            self.flight.list_anew()
        if probe is not None:
            probe.note_model(model)

    def expected(self) -> set[int]:
        """The optimizers that are to step before a step is over."""
        busiest = max(self._steps.values(), default=0)
        return {id(each) for each in self.family.optimizers if self._steps.get(id(each)) or busiest < _PATIENCE}

    def stepped(self, optimizer: Any) -> None:
        self._steps[id(optimizer)] = self._steps.get(id(optimizer), 0) + 1

    def updates_unseen(self) -> bool:
        """Whether nothing tells of an update but the beginning of the next step.

        Keras' optimizers are none of torch's, and some loops have none at all.
        """
        return self.flight is not None and (self.flight.parts.framework == "keras" or not self.family.optimizers)

    def unseen_update(self) -> None:
        """It has been made."""
        if self.flight is not None:
            optimizer = getattr(self.flight.parts.model, "optimizer", None)
            if self.flight.parts.framework == "keras" and optimizer is not None:
                self.flight.rates.append(float(optimizer.learning_rate))
            self.flight.update_ended()


def _parts(model: torch.nn.Module, optimizers: list[Any]) -> Parts:
    """What knows how to write the state of this framework."""
    if hasattr(model, "_flatten_layers"):
        from nanlog.record.keras_callback import KerasParts

        return KerasParts(model)
    trainer = getattr(model, "_trainer", None)
    if trainer is not None and any(kind.__name__ == "LightningModule" for kind in type(model).__mro__):
        from nanlog.record.lightning_callback import LightningParts

        return LightningParts(trainer, model)
    return Parts(model, optimizers)


class _Nobody:
    """Before there is a flight."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: None
