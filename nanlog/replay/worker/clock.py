"""The time that the user gave."""

from __future__ import annotations

import time

__all__ = ["Clock", "OutOfBudgetError"]


class OutOfBudgetError(Exception):
    """It is over."""


class Clock:
    """Counts from now on."""

    def __init__(self, budget: float) -> None:
        self._end = time.monotonic() + budget

    def tick(self, _: object = None) -> None:
        """Raises ``OutOfBudgetError`` when no time is left."""
        if time.monotonic() >= self._end:
            raise OutOfBudgetError
