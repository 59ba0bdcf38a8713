"""One replay as the judges see it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from .outcome import FirstNonfinite, Outcome, ReplayPhase, Trial
from .signs import Signs

__all__ = ["GROWN", "Case"]

#: From this factor on something grew: what one batch more or less does to a loss is less.
GROWN = 10.0
#: An update is usually a thousandth of the parameters (the customary rule of thumb), and in small, hasty trainings a
#: third; one that is this many times as large as they are replaces them by noise.
MOVED = 3.0
#: A loss this many times as large as those before is not that of a training which goes on.
_SANE = 1e3


@dataclass(frozen=True)
class Case:
    """The trials by name, and what was seen of the unchanged steps."""

    known: Outcome
    signs: Signs

    @cached_property
    def _trials(self) -> dict[str, Trial]:
        return {trial.intervention: trial for trial in self.known.trials if trial.intervention != "repeat"}

    @property
    def first(self) -> FirstNonfinite | None:
        return self.known.first_nonfinite

    @property
    def phase(self) -> ReplayPhase | None:
        return None if self.first is None else self.first.phase

    @property
    def raised(self) -> bool:
        """The step ended in an exception instead of a value."""
        return self.first is not None and ":" in (self.first.value or "")

    def cured(self, *names: str) -> Trial | None:
        """The first of these trials that stayed finite."""
        return next((self._trials[name] for name in names if name in self._trials and self._trials[name].finite), None)

    def failed(self, *names: str) -> Trial | None:
        """The first of these trials that went bad all the same."""
        return next((t for name in names if (t := self._trials.get(name)) is not None and not t.finite), None)

    def untried(self, name: str) -> str | None:
        """Why a trial could not run; None where it ran."""
        if name in self._trials:
            return None
        why = next((each.because for each in self.known.not_run if each.intervention == name), None)
        return why or "it was not tried"

    @property
    def grew(self) -> str | None:
        """What grew over the suspect steps, or moved too far, in words; None when nothing did."""
        if self.grown is not None:
            return f"{self.grown} in {self._steps} before the fault"
        if not self.moved:
            return None
        times = self.signs.update_size or 0.0
        return f"in {self._steps} before the fault each update moved the parameters by {times:.3g} times their size"

    @property
    def grown(self) -> str | None:
        grown = {
            "the largest parameter": self.signs.parameter_growth,
            "the loss": self.signs.loss_growth,
            "the largest gradient": self.signs.gradient_growth,
        }
        best = max(((factor or 0.0, name) for name, factor in grown.items()), default=(0.0, ""))
        return f"{best[1]} grew {best[0]:.3g} times" if best[0] >= GROWN else None

    def sane(self, trial: Trial | None) -> bool:
        """Whether a change left the loss where it was, and not only finite."""
        if trial is None or not trial.losses:
            return False
        before = [abs(loss) for loss in self.known.losses if math.isfinite(loss)]
        return abs(trial.losses[-1]) <= _SANE * max([*before, 1.0])

    @property
    def moved(self) -> bool:
        """Whether updates were larger than the parameters themselves, which no training survives for long."""
        return (self.signs.update_size or 0.0) >= MOVED

    @property
    def _steps(self) -> str:
        steps = max(self.signs.steps_before, 1)
        return f"{steps} steps" if steps > 1 else "the step"

    @property
    def operand(self) -> str:
        """What the operation was given, in words; empty where that is not known."""
        if self.first is None or not self.first.operands:
            return ""
        given = self.first.operands[-1] if self.first.op in ("div", "true_divide") else self.first.operands[0]
        if given.minimum is None:
            return f", given no finite value in {given.name}"
        more = f", {given.zeros} of them 0" if given.zeros else ""
        more += f", {given.nonfinite} not finite" if given.nonfinite else ""
        return f", given {given.minimum:.4g} to {given.maximum:.4g}{more}"

    @property
    def origin(self) -> str:
        """``log at model.py:31, in head``; ``the step`` when nothing is known."""
        first = self.first
        if first is None:
            return "the step"
        parts = [first.op or first.tensor or "an operation"]
        if first.file is not None:
            parts.append(f"at {first.file}:{first.line}")
        return " ".join(parts) + (f", in {first.module}" if first.module else "")
