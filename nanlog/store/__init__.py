"""What was read from a log: gathered into a :class:`nanlog.model.Run`, and kept on disk."""

from __future__ import annotations

from .collect import collect

__all__ = ["collect"]
