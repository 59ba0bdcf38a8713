"""A flight that is told by torch's hooks, for whoever says himself where a step begins and ends."""

from __future__ import annotations

from typing import Any

import torch

from .flight import Flight
from .hooks import Listening

__all__ = ["FlightListener"]


class FlightListener:
    """Hands backward passes, updates and the work of a loss scaler on to a flight."""

    def __init__(self, flight: Flight) -> None:
        self.flight = flight
        self._unscaled: torch.Tensor | None = None

    def on(self) -> Listening:
        """A context in which the flight is told."""
        return Listening(self)

    def backward_begins(self, roots: list[torch.Tensor]) -> None:
        """The loss before a scaler's factor where there is one."""
        loss, self._unscaled = self._unscaled, None
        for root in roots if loss is None else [loss]:
            if root.numel() == 1:
                self.flight.loss(root)

    def backward_ended(self) -> None:
        self.flight.backward_ended(getattr(self.flight.parts.scaler, "_scale", None))

    def update_begins(self, optimizer: Any) -> None:
        self.flight.update_begins(optimizer)

    def update_ended(self, optimizer: Any) -> None:
        self.flight.update_ended()

    def scaled(self, scaler: Any, loss: torch.Tensor) -> None:
        if self.flight.parts.scaler is None:
            self.flight.parts.scaler = scaler
        self._unscaled = loss

    def update_skipped(self, scaler: Any, optimizer: Any) -> None:
        self.flight.update_skipped()
