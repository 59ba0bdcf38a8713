"""The recorder of a plain torch loop."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from .bundle import About, Found
from .flight import Flight, Settings
from .listening import FlightListener
from .parts import Parts
from .telling import tell

__all__ = ["Recorder", "TrainingStopped"]


class TrainingStopped(RuntimeError):  # noqa: N818  no error of the recorder, but an end
    """Raised at the end of the first step that was not finite, where the recorder was told to stop."""


class Recorder:
    """Keeps the last batches and states of a training and writes a bundle when something is not finite.

    >>> import torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> recorder = Recorder(model, optimizer, folder=getfixture("tmp_path"))
    >>> for batch in [torch.ones(3, 2), torch.full((3, 2), torch.nan)]:
    ...     with recorder.step(batch):
    ...         optimizer.zero_grad()
    ...         model(batch).mean().backward()
    ...         optimizer.step()
    >>> recorder.close()
    >>> recorder.bundle.name, str(recorder.found)
    ('bundle-step1', 'the loss was nan')

    ``model`` may be a mapping of names to models, ``optimizer`` and ``scheduler`` sequences.  ``target`` is what
    ``nanlog replay --target`` takes: the bundle remembers it.  A step is one optimizer step; with ``accumulate`` the
    context is entered so many times for each.  ``memory`` bounds the batches in MB.  The training goes on after a
    bundle, unless ``stop`` is set.  See docs/record.md.
    """

    def __init__(
        self,
        model: torch.nn.Module | Mapping[str, torch.nn.Module],
        optimizer: Any,
        *,
        scaler: Any = None,
        scheduler: Any = None,
        target: str | None = None,
        folder: str | Path = "nanlog-record",
        accumulate: int = 1,
        memory: float = 1024.0,
        batches: int | None = None,
        state_every: int | None = None,
        layers_every: int = 10,
        copy: bool | None = None,
        first_step: int = 0,
        stop: bool = False,
    ) -> None:
        parts = Parts(_one(model), _listed(optimizer), scaler, _listed(scheduler))
        settings = Settings(Path(folder), memory, batches, state_every, layers_every, copy)
        caller = sys._getframe(1).f_code
        self.flight = Flight(parts, settings, About.here(target, f"{caller.co_filename}:{caller.co_name}"))
        self.flight.step = first_step
        self.flight.on_found = lambda found: tell(self.flight)
        self.accumulate, self.stop = max(1, accumulate), stop
        self._place = 0
        self._listener = FlightListener(self.flight)
        atexit.register(self.close)

    @property
    def found(self) -> Found | None:
        """What was not finite first; on a device known a step later."""
        return self.flight.found

    @property
    def bundle(self) -> Path | None:
        return self.flight.bundle

    @contextmanager
    def step(self, batch: Any) -> Iterator[None]:
        """One pass of forward, backward and update on ``batch``, which is what the replay will be given.

        Raises ``TrainingStopped`` at its end where something was not finite and the recorder is to stop.
        """
        flight = self.flight
        flight.begin(batch)
        with self._listener.on():
            try:
                yield
            except Exception as error:
                flight.raised(error)
                raise
        self._place = (self._place + 1) % self.accumulate
        if self._place == 0:
            flight.end()
            if self.stop and flight.found is not None:
                raise TrainingStopped(f"{flight.found} in step {flight.found.step}; the bundle is in {flight.bundle}")

    def close(self) -> None:
        """At the end of the training; called at the end of the program where it was not."""
        atexit.unregister(self.close)
        self.flight.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _one(model: torch.nn.Module | Mapping[str, torch.nn.Module]) -> torch.nn.Module:
    """Several models as one, whose names begin with theirs; none of them is changed."""
    return torch.nn.ModuleDict(model) if isinstance(model, Mapping) else model


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, Sequence) else [given]
