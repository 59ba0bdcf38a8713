"""Which answers make the command fail, and the exit code they add up to."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from nanlog.report import Failure

if TYPE_CHECKING:
    from nanlog.report import Answer

__all__ = ["LEVELS", "exit_code", "outcome"]

_HEALTHY, _FAILED, _OPEN = 0, 1, 3

#: What each level fails on besides what those before it fail on.
_ADDS = {"never": "", "unhealthy": "unhealthy", "cannot-judge": "cannot_judge", "harmless": "harmless"}

LEVELS = tuple(_ADDS)


def outcome(answer: Answer) -> str:
    """``unreadable``, the verdict, or ``harmless`` for a healthy run in which something is not finite."""
    if isinstance(answer, Failure):
        return "unreadable"
    harmless = answer.verdict == "healthy" and bool(answer.findings or (answer.onset and answer.onset.harmless))
    return "harmless" if harmless else str(answer.verdict)


def exit_code(outcomes: Collection[str], level: str) -> int:
    """Failed, then not known, then healthy: a training that failed matters more than a file that cannot be read.

    ``never`` takes whatever a log says as it is; a path that cannot be read says nothing.
    """
    fails = {_ADDS[lower] for lower in LEVELS[: LEVELS.index(level) + 1]}
    if fails & set(outcomes):
        return _FAILED
    unknown = {"unreadable"} if level == "never" else {"unreadable", "cannot_judge"}
    return _OPEN if unknown & set(outcomes) else _HEALTHY
