"""The samples of the bad batch that bring the fault, and what is out of the ordinary in them."""

from __future__ import annotations

from collections.abc import Callable

from nanlog.replay.protocol import Send

from .scene import Scene

__all__ = ["bisected"]


def bisected(scene: Scene, send: Send, tick: Callable[[object], None]) -> None:
    """Fill in ``samples``, ``strange`` and ``batch_size`` of the scene; tell ``first`` anew with them."""
