"""Python exceptions in a log, and what they say about values that are not finite."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Mark, MarkKind, Phase

__all__ = ["Tracebacks", "marks_of"]

_BEGIN = "Traceback (most recent call last)"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(?:: ?.*)?", re.ASCII | re.DOTALL)
_LONGEST = 1000
#: ``torch.autograd.detect_anomaly``: "Function 'PowBackward0' returned nan values in its 0th output."
_ANOMALY = re.compile(r"Function '\w{1,200}' returned nan values in its [0-9]{1,9}th output")
#: Megatron-LM's ``--check-for-nan-in-loss-and-grad``.
_FOUND = re.compile(r"found (?:NaN|Inf) in local (?P<where>forward loss|grad)", re.IGNORECASE)
_ENDED_BY_A_PERSON = ("KeyboardInterrupt",)


class Tracebacks:
    """Waits for the last lines of tracebacks, of each rank by itself."""

    def __init__(self) -> None:
        self._inside: set[int | None] = set()

    def read(self, text: str, rank: int | None = None) -> str | None:
        """Return the exception when a line (with its leading blanks) ends a traceback."""
        if _BEGIN in text:
            self._inside.add(rank)
        elif rank in self._inside and text and not text[0].isspace():
            self._inside.discard(rank)
            if _EXCEPTION.fullmatch(text):
                return text.rstrip()[:_LONGEST]
        return None


def marks_of(exception: str, file: str, line: int, step: int | None = None) -> Iterator[Mark]:
    """What an exception means: an end, and for those that check values also that one was not finite."""
    if exception.startswith(_ENDED_BY_A_PERSON):
        yield Mark(MarkKind.STOPPED_EARLY, file, line, step, exception)
        return
    yield Mark(MarkKind.EXCEPTION, file, line, step, exception)
    if _ANOMALY.search(exception):
        yield Mark(MarkKind.NONFINITE, file, line, step, exception, phase=Phase.BACKWARD)
    elif found := _FOUND.search(exception):
        phase = Phase.BACKWARD if found["where"].lower() == "grad" else Phase.FORWARD
        yield Mark(MarkKind.NONFINITE, file, line, step, exception, phase=phase)
