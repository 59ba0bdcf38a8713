"""Replaying the steps in which a training died, with one thing changed at a time.

The host side of this package is free of torch; ``worker`` runs in a process of its own and holds the user's code.

::

    from nanlog.replay import plan_for, replay

    outcome = replay(plan_for("last.pt", "replay_target.py", steps=(400, 420)))
    print(outcome.confirmed, outcome.smallest_change)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanlog.replay.host import replay
    from nanlog.replay.outcome import Outcome
    from nanlog.replay.plan import plan_for

__all__ = ["Outcome", "plan_for", "replay"]

_PUBLIC = {"replay": "nanlog.replay.host", "Outcome": "nanlog.replay.outcome", "plan_for": "nanlog.replay.plan"}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
