"""The curves of one attempt, where they grew and broke, and evidence that cites them."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nanlog.model import Evidence, Fact, FirstBad, Pattern, Series, Sign
from nanlog.onset import Growth, growth_to_end, main_loss
from nanlog.rules._settings import Settings


class Curves(Settings):
    """The loss and the rate up to the onset, and sentences with their numbers."""

    @cached_property
    def loss(self) -> Series | None:
        """The training loss; where it is masked, the one of its series that shows the mask."""
        shown = next((bad.series for bad in self.onset.order if np.isfinite(bad.value)), None)
        masked = self.run.series(shown) if self.onset.pattern is Pattern.MASKED and shown is not None else None
        return masked if masked is not None else main_loss(self.run)

    @cached_property
    def first(self) -> FirstBad | None:
        return self.onset.order[0] if self.onset.order else None

    @cached_property
    def history(self) -> Series | None:
        """Finite points of the loss before its own first bad one (all of them where it never goes bad)."""
        if self.loss is None:
            return None
        kept = np.isfinite(self.loss.value)
        own = next((bad for bad in self.onset.order if bad.series == self.loss.name), None)
        if own is not None:
            kept &= self.earlier(self.loss, own.file, own.line, own.step)
        elif self.onset.step is not None:
            kept &= self.loss.step <= self.onset.step
        return self.loss.where(kept)

    @cached_property
    def growth(self) -> Growth | None:
        """Growth of the loss towards the onset."""
        return growth_to_end(self.history.value) if self.history is not None else None

    def growth_of(self, name: str) -> tuple[Series, Growth] | None:
        """Growth of another series towards its own first bad point, up to the onset's step where it has none."""
        series = self.run.series(name)
        if series is None:
            return None
        bad = np.flatnonzero(~np.isfinite(series.value))
        part = series.where(slice(0, int(bad[0]))) if len(bad) else series
        if not len(bad) and self.onset.step is not None:
            part = part.where(part.step <= self.onset.step)
        found = growth_to_end(part.value)
        return (part, found) if found is not None else None

    @cached_property
    def rate(self) -> Series | None:
        return self.run.series("lr")

    @cached_property
    def rate_before(self) -> tuple[float, int] | None:
        """The last finite learning rate logged before the onset, and its index."""
        if self.rate is None or not len(self.rate):
            return None
        kept = np.isfinite(self.rate.value)
        if self.onset.pattern is not Pattern.DIVERGENCE:
            kept &= self.before_onset(self.rate)
        elif self.onset.departure_step is not None:  # a schedule may have lowered it since
            since = self.rate.step <= self.onset.departure_step
            kept &= since if since.any() else kept
        where = np.flatnonzero(kept)
        if not len(where):
            return None
        return float(self.rate.value[where[-1]]), int(where[-1])

    @cached_property
    def by_epoch(self) -> bool:
        """The loss is logged as the mean over an epoch: its first point tells of many updates."""
        return self.counts_epochs or (self.loss is not None and self.loss.info.smoothed)

    @cached_property
    def counts_epochs(self) -> bool:
        """The steps of the loss are epochs; what another file of the run counts is another matter."""
        loss = self.loss
        homes = {self.run.files[int(k)] for k in np.unique(loss.file)} if loss is not None else set()
        said = [fact for fact in self.run.facts if fact.key == "step_unit" and fact.value == "epoch"]
        return any(fact.file in homes or not homes for fact in said)

    @property
    def is_missing(self) -> bool:
        """The loss is not in the rows where it should be: nobody knows whether it was NaN or inf."""
        first = self.first
        return bool(self.onset.masked_as) and first is not None and math.isnan(first.value) and self.onset.value is None

    def before_onset(self, series: Series) -> NDArray[np.bool_]:
        """Mask of the points logged before the onset; all of them where the log does not say when it was."""
        onset = self.onset
        if onset.file is None or onset.line is None:
            return np.ones(len(series), np.bool_)
        return self.earlier(series, onset.file, onset.line, onset.step)

    def earlier(self, series: Series, file: str, line: int, step: int | None) -> NDArray[np.bool_]:
        """Mask of the points before a line; those in other files are compared by step, else by the files' order.

        A progress bar puts many steps on one line.
        """
        home = self.run.files.index(file)
        sooner = series.file < home if step is None else series.step < step
        same_line = (series.line == line) & (step is not None) & sooner
        return np.where(series.file == home, (series.line < line) | same_line, sooner)

    @cached_property
    def breaks(self) -> str:
        """How the loss, or what went bad in its stead, breaks: ``and is NaN at step 120``."""
        own = next((bad for bad in self.onset.order if self.loss is not None and bad.series == self.loss.name), None)
        bad = own or self.first
        if bad is None:
            return "and then goes bad"
        at = "" if bad.step is None else f" at {'epoch' if self.counts_epochs else 'step'} {bad.step}"
        if self.is_missing:
            return f"and is missing from its row{at}"
        if own is not None:
            masks = ", which stands for NaN" if np.isfinite(bad.value) else ""
            return f"and is {number(bad.value)}{at}{masks}"
        if bad.series in ("message", "skipped_step"):
            said = "a value is reported as not finite" if bad.series == "message" else "an update is skipped"
            return f"and {said}{at}"
        if bad.series == "loss_smoothed":
            return f"where its average is {number(bad.value)}: a NaN lies between the logged steps"
        return f"and stays finite, but {bad.series} = {number(bad.value)}{at}"

    def point(self, series: Series, index: int, says: str) -> Evidence:
        """Evidence citing one point."""
        return Evidence(
            says,
            file=self.run.files[int(series.file[index])],
            line=int(series.line[index]),
            series=series.name,
            step=int(series.step[index]),
            value=float(series.value[index]),
        )

    def stated(self, fact: Fact, says: str) -> Evidence:
        """Evidence citing a statement of the log."""
        return Evidence(says, file=fact.file, line=fact.line, value=fact.value)

    def seen(self, bad: FirstBad, says: str) -> Evidence:
        """Evidence citing a first bad point."""
        return Evidence(says, bad.file, bad.line, bad.series, bad.step, bad.value)

    def evidence(self, says: str, file: str, line: int) -> Evidence:
        """Evidence citing a line."""
        return Evidence(says, file=file, line=line)

    def sign(self, key: str, evidence: Evidence) -> Sign:
        return Sign(key, evidence)

    def last_calm(self, says: str) -> Evidence | None:
        """Evidence citing the last finite loss before the onset."""
        if self.history is None or not len(self.history):
            return None
        return self.point(self.history, len(self.history) - 1, says)

    def jump(self) -> Evidence | None:
        """Evidence citing the last calm loss, with the numbers on both sides of the jump."""
        last = self.last_calm("")
        if last is None or self.history is None:
            return None
        when = "" if last.step is None else f" at {'epoch' if self.counts_epochs else 'step'} {last.step}"
        value = number(float(self.history.value[-1]))
        return self.last_calm(f"the loss is normal ({value}){when} {self.breaks}")

    @cached_property
    def grew(self) -> Evidence | None:
        """Evidence citing where the loss began to grow towards the onset; None where it stayed calm."""
        if self.growth is None or self.history is None:
            return None
        step = self.history.step[self.growth.start]
        return self.point(self.history, self.growth.start, f"the loss grew from step {step} on")


def number(value: float) -> str:
    """A number for people: six significant digits; NaN, +Inf and -Inf as reports write them."""
    if math.isfinite(value):
        return f"{value:.6g}"
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
