"""Runs a plan in a worker process and gathers what it says, whatever becomes of the worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nanlog.errors import NanlogError, UnreadableError, UsageError

from .gathered import Gathered
from .outcome import Outcome, Status
from .plan import Plan
from .process import Ended, Worker

__all__ = ["Tell", "replay"]

#: Called with the event and the content of each message.
Tell = Callable[[str, Mapping[str, Any]], object]

#: A worker that dies in one trial is started again for the others, so often.
_RESTARTS = 3
#: The worker keeps to the budget itself; this much later it is ended.
_GRACE = 20.0
#: No step for so long, and for so many times the longest step, is a hang.
PATIENCE = 120.0
_TIMES_LONGEST = 20.0


def _silent(event: str, content: Mapping[str, Any]) -> None:
    pass


def replay(
    plan: Plan, tell: Tell = _silent, relay: Callable[[bytes], object] | None = None, patience: float = PATIENCE
) -> Outcome:
    """Carry out a plan.  ``relay`` is given what the user's code prints.

    Never raises for a worker that crashes, hangs, runs out of memory or is interrupted: the outcome says so.  Raises
    ``UsageError`` or ``UnreadableError`` when the target or the checkpoint cannot be used at all.
    """
    gathered, began = Gathered(plan), time.monotonic()
    deadline = began + plan.budget + _GRACE
    done = plan.done
    ended: Ended | None = None
    for _ in range(_RESTARTS + 1):
        ended = _one_worker(replace(plan, done=done), gathered, tell, relay, deadline, patience)
        if gathered.failed is not None:
            raise _error(*gathered.failed)
        if ended is None or ended.status is not Status.CRASHED or gathered.trying is None:
            break
        done = (*done, *gathered.tried, gathered.trying)
        gathered.crashed(ended.why)
        gathered.starts_again()
    seconds = time.monotonic() - began
    return gathered.outcome(seconds) if ended is None else gathered.outcome(seconds, ended.status, ended.why)


def _one_worker(
    plan: Plan,
    gathered: Gathered,
    tell: Tell,
    relay: Callable[[bytes], object] | None,
    deadline: float,
    patience: float,
) -> Ended | None:
    """How the worker ended; None when it ended by itself, all said."""
    with Worker(plan, relay) as worker:
        longest, last = 0.0, time.monotonic()
        stepped = False
        while True:
            limit = min(deadline, last + max(patience, _TIMES_LONGEST * longest)) if stepped else deadline
            try:
                message = worker.next(limit)
            except KeyboardInterrupt:
                return _given_up(gathered, Ended(Status.INTERRUPTED, "it was interrupted"))
            if message is None and worker.running:
                return _given_up(gathered, _late(deadline, time.monotonic() - last, gathered.doing()))
            if message is None:
                return None if gathered.finished or gathered.failed else worker.ended(gathered.doing())
            event = message["event"]
            content = {key: value for key, value in message.items() if key != "event"}
            if event == "step":
                now = time.monotonic()
                longest, last, stepped = max(longest, now - last if stepped else 0.0), now, True
            elif event != "alive":
                last = time.monotonic()
            gathered(event, **content)
            tell(event, content)


def _late(deadline: float, silent: float, doing: str) -> Ended:
    if time.monotonic() >= deadline:
        return Ended(Status.OUT_OF_BUDGET, "the budget is used up, and the worker did not come to an end by itself")
    return Ended(Status.HUNG, f"the worker hangs{doing}: nothing came to an end for {silent:.0f} s")


def _given_up(gathered: Gathered, ended: Ended) -> Ended:
    gathered.crashed(ended.why)
    return ended


def _error(kind: str, says: str) -> NanlogError:
    return UsageError(says) if kind in ("TargetError", "UsageError") else UnreadableError(says)
