"""The probe switched on for a stretch of a script's steps."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode

from nanlog.replay.outcome import Benign, FirstNonfinite
from nanlog.replay.worker.probe import Probe

__all__ = ["Probing"]

_MOST_BENIGN = 10


class Probing:
    """On from step ``start`` (None: never) until something was found, or for ``seconds`` (None: without a bound).

    Attached and detached only where no mode of the script's own would be put out of order.
    """

    def __init__(self, start: int | None, seconds: float | None) -> None:
        self.start, self.seconds = start, seconds
        self.first: FirstNonfinite | None = None
        self.benign: tuple[Benign, ...] = ()
        self.steps = 0
        self.probe: Probe | None = None
        self._over = start is None
        self._since = 0.0
        self._compiles = False

    @property
    def on(self) -> bool:
        return self.probe is not None

    @property
    def wants_change(self) -> bool:
        """Whether it is to be attached or detached at the next good moment, the step aside."""
        return self._over == self.on

    def change(self, step: int, model: torch.nn.Module | None, then: Callable[[], object]) -> None:
        """Attach or detach, where it is time and the place is good; ``then`` is called after attaching."""
        if self._over and self.probe is not None:
            if self.probe.on_top:
                self.probe.detach()
                self.probe = None
        elif not self._over and self.probe is None and self.start is not None and step >= self.start and _neutral():
            self.probe = Probe(model if model is not None else torch.nn.Module(), ranges=False)
            self._since = time.monotonic()
            self._compiles = "torch._dynamo" in sys.modules
            self.probe.attach()
            self.probe.begin_step(step)
            then()

    def begin(self, step: int, model: torch.nn.Module | None) -> None:
        if self.probe is not None and not self._over:
            if model is not None:
                self.probe.model = model
            if not self._compiles and "torch._dynamo" in sys.modules:
                self._compiles = True
                self.probe.run_eagerly()
            self.probe.begin_step(step)

    def end(self, error: BaseException | None = None) -> None:
        """The step is over: was it the one?"""
        if self.probe is None or self._over:
            return
        self.steps += 1
        self.probe.end_step(error)
        self.first = self.probe.first
        if self.first is not None:
            self.benign = self.probe.benign[:_MOST_BENIGN]
            self._over = True
        elif self.seconds is not None and time.monotonic() - self._since > self.seconds:
            self._over = True

    def stop(self) -> None:
        """No more looking; it is detached at the next good moment."""
        self._over = True

    def drop(self) -> None:
        """At once, whatever the moment: in a forked process, at the end of the script."""
        probe, self.probe = self.probe, None
        self._over = True
        if probe is not None:
            probe.detach()


def _neutral() -> bool:
    """No mode of the script's own is at work, but for a default device, which stays."""
    device: Any = getattr(torch, "_GLOBAL_DEVICE_CONTEXT", None)
    default = getattr(device, "device_context", None)
    modes = [mode for mode in _get_current_function_mode_stack() if mode is not default]
    return not modes and _get_current_dispatch_mode() is None
