"""The recorder itself: told of the parts of each step, it keeps, measures, logs, and writes the bundle once.

Who tells it (a plain loop, a callback, hooks in an unchanged script) says when a step begins and ends.
"""

from __future__ import annotations

import functools
import math
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .bundle import About, Found, write_bundle
from .lines import Lines
from .measured import Measured, Norms, Numbers, norms_of
from .parts import Parts, settings_of
from .recent import Recent
from .ring import Kept, Ring

__all__ = ["Flight", "Settings", "log_of"]

#: A loss scaler skips updates while it looks for its factor, fifteen in a row when it begins with 65536 and ends
#: with 2; a training that skips more stands still.
_MOST_SKIPPED = 16
#: Parameters may be added or frozen on the way; they are listed anew every so many steps.
_LISTED_ANEW = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """``folder`` takes the log and the bundle, ``memory`` bounds the batches in MB, ``batches`` their number.

    ``state_every`` are the steps between two states on disk (None: as often as takes 2 % of the time), ``layers_every``
    those between two lines with the norms of each layer (0: never), ``copy`` whether batches are copied (None: when
    the training turns out to write into them).
    """

    folder: Path
    memory: float = 1024.0
    batches: int | None = None
    state_every: int | None = None
    layers_every: int = 10
    copy: bool | None = None


def log_of(settings: Settings, about: About) -> Path:
    """Each rank has its own."""
    return settings.folder / f"log{f'-rank{about.rank}' if about.rank else ''}.jsonl"


def _harmless(method: Callable[..., None]) -> Callable[..., None]:
    """A fault of the recorder ends the record, and never the training."""

    @functools.wraps(method)
    def call(self: Flight, *args: Any) -> None:
        if self.off:
            return
        try:
            method(self, *args)
        except Exception as error:  # noqa: BLE001
            self.off = True
            self._troubled(f"nothing more is recorded: {type(error).__name__}: {error}")

    return call


class Flight:
    """``found`` is None until something was not finite; ``bundle`` is where it was written.

    What goes wrong here (a full disk) is said once in ``trouble`` and never raised: the training goes on.
    """

    def __init__(self, parts: Parts, settings: Settings, about: About) -> None:
        self.parts, self.settings, self.about = parts, settings, about
        rank = f"-rank{about.rank}" if about.rank else ""
        self.lines = Lines(log_of(settings, about), settings.layers_every)
        self.ring = Ring(int(settings.memory * 1e6), settings.batches, settings.copy)
        self.recent = Recent(settings.folder / f".recent{rank}", settings.state_every)
        self.step = 0
        self.found: Found | None = None
        self.bundle: Path | None = None
        self.trouble: str | None = None
        self.skipped: list[int] = []  #: steps whose update a loss scaler left out
        self.harmless: list[int] = []  #: steps with a non-finite gradient that reached no parameter
        self.finite_until: int | None = None
        self.on_found: Callable[[Found], object] = lambda found: None
        self.off = False  #: do nothing any more
        self._kept: Kept | None = None
        self._losses: list[torch.Tensor] = []
        self._gradients = Norms()
        self.rates: list[float] = []  #: of the step's updates so far
        self._updated = self._skipped = False
        self._pending: deque[Numbers] = deque()
        self._listed: list[tuple[str, torch.Tensor]] = []
        self._row = 0

    @property
    def keeping(self) -> bool:
        return self.found is None

    @_harmless
    def begin(self, batch: Any) -> None:
        """A step, or one more micro-batch of it, is about to run on ``batch``."""
        if not self.keeping:
            return
        if self._kept is None:
            self._write_state()
            self._kept = self.ring.begin(self.step)
        self.ring.add(self._kept, batch)

    def begin_at(self, step: int, batch: Any) -> None:
        """``begin``, where somebody else counts the steps."""
        if self._kept is None:
            self.step = step
        self.begin(batch)

    @property
    def has_updated(self) -> bool:
        """Whether the step's update was made, or left out by a loss scaler."""
        return self._updated or self._skipped

    def replace_batch(self, batch: Any) -> None:
        """The last micro-batch was given up before its backward."""
        if self._kept is not None and self._kept.batches:
            self._kept.batches.pop()
        self.begin(batch)

    def _write_state(self) -> None:
        reach = len(self.ring.steps) if self.ring.full else None
        if not self.recent.due(self.step, reach):
            return
        try:
            self.recent.write(self.parts, self.step)
        except (OSError, RuntimeError) as error:
            self._troubled(f"the state before step {self.step} could not be written: {error}")
            return
        self.ring.forget_before(min(self.recent.steps))

    @_harmless
    def loss(self, loss: torch.Tensor) -> None:
        """Backward is about to be called on this (without the factor of a loss scaler)."""
        self._losses.append(loss.detach())

    @_harmless
    def backward_ended(self, scale: Any = None) -> None:
        """``scale`` is the factor of a loss scaler that is in the gradients, a tensor."""
        found = norms_of([(name, p.grad) for name, p in self._parameters() if p.grad is not None])
        self._gradients = found if scale is None else found.divided(scale)

    @_harmless
    def update_begins(self, optimizer: Any) -> None:
        if self._kept is not None:
            self._kept.groups.append(settings_of(optimizer))
        self.rates.extend(float(group["lr"]) for group in optimizer.param_groups if "lr" in group)

    def update_ended(self) -> None:
        self._updated = True

    def update_skipped(self) -> None:
        self._skipped = True

    @_harmless
    def end(self) -> None:
        """The step is over: ask for its numbers, read those that are there, judge them."""
        kept, self._kept = self._kept, None
        if kept is not None:
            self.ring.ended(kept)
        measured = Measured(self.step, rates=self.rates, updated=self._updated, skipped=self._skipped)
        parameters = norms_of(self._parameters()) if self._updated else Norms()
        numbers = Numbers(measured, self._losses, self._gradients, parameters, self._scale())
        self._losses, self._gradients, self.rates = [], Norms(), []
        self._updated = self._skipped = False
        self.step += 1
        self._pending.append(numbers)
        self._read(0 if numbers.on_cpu else 1)

    @_harmless
    def flush(self) -> None:
        """Read what is still on its way."""
        self._read(0)

    @_harmless
    def declare(self, found: Found) -> None:
        """Somebody else saw that a step was not finite."""
        if self.found is None:
            self._found(found)

    @_harmless
    def raised(self, error: BaseException) -> None:
        """A step was ended by an exception: that counts, where nothing was found before."""
        self.flush()
        if self.keeping and self._kept is not None and not isinstance(error, torch.OutOfMemoryError | MemoryError):
            lines = str(error).strip().splitlines()
            says = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
            self._found(Found(self.step, "exception", says))

    @_harmless
    def close(self) -> None:
        """Read what is left and remove what only a bundle would have needed."""
        self.flush()
        self.recent.clear()
        self.ring.clear()
        self.lines.close()

    def _scale(self) -> Any:
        scaler = self.parts.scaler
        scale = getattr(scaler, "_scale", None)
        return scale.clone() if isinstance(scale, torch.Tensor) else None

    def _parameters(self) -> list[tuple[str, torch.Tensor]]:
        if not self._listed or self.step % _LISTED_ANEW == 0:
            self._listed = self.parts.parameters()
        return self._listed

    def list_anew(self) -> None:
        """The model or the optimizers are others than before."""
        self._listed = []

    def _read(self, left: int) -> None:
        while len(self._pending) > left:
            measured = self._pending.popleft().read()
            kept = self.ring.steps.get(measured.step)
            if kept is not None:
                kept.loss = measured.loss
            found = None if self.found is not None else self._judged(measured)
            if found is not None:
                self._found(found)  # first, so that the log names the good state before the bad step
            try:
                self.lines.step(measured, bad=found is not None)
            except OSError as error:
                self._troubled(f"the log could not be written: {error}")

    def _judged(self, measured: Measured) -> Found | None:
        """What the numbers of one step say; None as long as they do no harm."""
        step, gradients = measured.step, measured.bad_gradients
        for loss in measured.losses:
            if not math.isfinite(loss):
                return Found.number(step, "loss", loss)
        if measured.bad_parameters:
            name = measured.bad_parameters[0]
            if gradients:
                return Found.number(step, "gradient", measured.gradients[gradients[0]], gradients[0])
            return Found.number(step, "parameter", measured.parameters[name], name)
        if measured.skipped:
            self.skipped.append(step)
            self._row += 1
            if self._row == _MOST_SKIPPED:
                first = gradients[0] if gradients else None
                value = math.nan if first is None else measured.gradients[first]
                return Found.number(step - _MOST_SKIPPED + 1, "gradient", value, first)
            return None
        self._row = 0
        if gradients:
            self.harmless.append(step)
        else:
            self.finite_until = step
        return None

    def _found(self, found: Found) -> None:
        self.found = found
        self._write_bundle(found)
        self.recent.clear()
        self.ring.clear()
        self._kept = None
        self.on_found(found)

    def _write_bundle(self, found: Found) -> None:
        rank = f"-rank{self.about.rank}" if self.about.rank else ""
        to = self.settings.folder / f"bundle-step{found.step}{rank}"
        try:
            self.bundle, state_step = write_bundle(to, found, self.ring, self.recent, self.parts, self.about)
            self.lines.checkpoint(str(self.bundle), state_step)
        except (OSError, RuntimeError) as error:
            self._troubled(f"the bundle could not be written to {to}: {error}")

    def _troubled(self, says: str) -> None:
        if self.trouble is None:
            self.trouble = says
            sys.stderr.write(f"nanlog: {says}\n")
