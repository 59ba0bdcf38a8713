"""What loss scalers print when they drop an update: DeepSpeed in all its spellings, and apex.

::

    [deepspeed] OVERFLOW! Rank 0 Skipping step. Attempting loss scale: 65536, reducing to 32768     (ZeRO)
    [deepspeed] OVERFLOW! Rank 0 Skipping step. Attempting loss scale: 65536, but hysteresis is 2. Reducing ...
    [deepscale] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, reducing to 32768      (before 0.3)
    [deepspeed] fp16 dynamic loss scale overflow! Skipping step. Attempted loss scale: ...          (without ZeRO)
    Overflow detected. Skipping step. Attempted loss scale: ...
    Grad overflow on iteration 12  and  Reducing dynamic loss scale from 65536 to 32768             (verbose)
    Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 32768.0                 (apex)

No line but the last but one names a step.  Several lines may tell of one update, and so may several ranks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nanlog.model import Mark, MarkKind
from nanlog_parsers._numbers import NUMBER, value_of

__all__ = ["AT_MINIMUM", "Overflows", "SkippedUpdate", "dated", "may_tell_of_overflow"]

#: DeepSpeed's exception at the end of the range.
AT_MINIMUM = "Current loss scale already at minimum"

#: A scaler's message stands at the beginning of its line, behind the prefix of a logger.
_LONGEST = 1000

_SCALE = rf"(?P<before>{NUMBER})"
_CHANGE = (
    rf"(?:.{{0,20}}Attempt(?:ed|ing) loss scale: {_SCALE}, "
    rf"(?:reducing to (?P<after>{NUMBER})|but hysteresis is (?P<hysteresis>[0-9]{{1,9}})))?"
)
_SKIPPED = re.compile(
    r"(?:OVERFLOW!|fp16 dynamic loss scale overflow!|Overflow detected\.) "
    rf"(?:Rank (?P<rank>[0-9]{{1,6}}) )?Skipping step\.{_CHANGE}"
)
_APEX = re.compile(
    rf"Gradient overflow\.  ?Skipping step, (?:loss scaler [0-9]{{1,9}} )?reducing loss scale to (?P<after>{NUMBER})"
)
_ITERATION = re.compile(r"Grad overflow on iteration:? (?P<iteration>[0-9]{1,18})")
_REDUCING = re.compile(rf"Reducing dynamic loss scale from {_SCALE} to (?P<after>{NUMBER})")


def may_tell_of_overflow(text: str) -> bool:
    """Quickly, whether a line is worth a closer look."""
    return "verflow" in text or "OVERFLOW" in text or "dynamic loss scale" in text


@dataclass(slots=True)
class SkippedUpdate:
    """An update that was dropped; ``before`` and ``after`` are the loss scale where the line tells."""

    line: int
    text: str
    before: float | None = None
    after: float | None = None
    iteration: int | None = None
    rank: int | None = None
    hysteresis: str | None = None

    def mark(self, file: str, step: int | None) -> Mark:
        scale = self.before if self.after is None else self.after
        return Mark(MarkKind.SKIPPED_STEP, file, self.line, step, self.text, value=scale)

    def is_told_again(self, other: SkippedUpdate) -> bool:
        """Whether ``other``, which follows at once, is the same update as another rank tells it."""
        if other.rank is not None and other.rank == self.rank:
            return False
        moved = self.before is not None and (self.before != self.after or self.hysteresis is not None)
        same = (self.before, self.after, self.hysteresis) == (other.before, other.after, other.hysteresis)
        return moved and same and self.iteration == other.iteration


class Overflows:
    """Collects the updates that were skipped since :meth:`take` was last called."""

    def __init__(self) -> None:
        self._open: list[SkippedUpdate] = []

    def read(self, line: int, text: str, rank: int | None = None) -> bool:
        """Say whether the line is one of a loss scaler."""
        if not may_tell_of_overflow(text):
            return False
        text = text[:_LONGEST]
        if found := _ITERATION.search(text):
            self._add(SkippedUpdate(line, found[0], iteration=int(found["iteration"]), rank=rank))
        elif found := _SKIPPED.search(text):
            told = int(found["rank"]) if found["rank"] is not None else rank
            before, after = _number(found["before"]), _number(found["after"])
            self._add(SkippedUpdate(line, found[0], before, after, None, told, found["hysteresis"]))
        elif found := _APEX.search(text):
            self._add(SkippedUpdate(line, found[0], after=value_of(found["after"]), rank=rank))
        else:
            return self._reduced(text)
        return True

    def take(self) -> list[SkippedUpdate]:
        taken, self._open = self._open, []
        return taken

    def _add(self, skipped: SkippedUpdate) -> None:
        last = self._open[-1] if self._open else None
        if last is None:
            self._open.append(skipped)
        elif last.iteration is not None and skipped.iteration is None and last.text.startswith("Grad overflow"):
            # the same update, told in a second line
            last.text = skipped.text
            last.before = skipped.before if last.before is None else last.before
            last.after = skipped.after if last.after is None else last.after
        elif (skipped.iteration is None or skipped.iteration != last.iteration) and not last.is_told_again(skipped):
            self._open.append(skipped)

    def _reduced(self, text: str) -> bool:
        found = _REDUCING.search(text)
        if found is None or not self._open:
            return False
        self._open[-1].before, self._open[-1].after = value_of(found["before"]), value_of(found["after"])
        return True


def dated(skipped: list[SkippedUpdate], last: int | None, step: int | None) -> list[int | None]:
    """The step of each of the updates skipped after step ``last`` (None: nothing was logged yet) and up to ``step``.

    Exact where the log names an iteration; else the first step it can be: ``last`` + 1 for the first, one more for each
    that follows.  Without any step before or after them they are not dated.
    """
    if last is None and step is None:
        return [each.iteration for each in skipped]
    first = 0 if last is None else last + 1
    found: list[int | None] = []
    for place, each in enumerate(skipped):
        earliest = first + place if step is None else min(first + place, step)
        found.append(earliest if each.iteration is None else each.iteration)
    return found


def _number(token: str | None) -> float | None:
    return None if token is None else value_of(token)
