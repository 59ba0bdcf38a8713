"""Messages between the host and the worker: JSON, one on a line, on a pipe of their own.

The user's prints go elsewhere and cannot mix with them.  Every message has ``event``; the others of its keys are those
of :class:`~nanlog.replay.gathered.Gathered`, which takes them in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from .codec import encode

__all__ = ["Channel", "Send", "received"]

#: ``send("trial", trial=Trial(...))``
Send = Callable[..., object]

_LONGEST = 16 << 20


class Channel:
    """The worker's end."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe

    def __call__(self, event: str, **content: Any) -> None:
        line = json.dumps({"event": event, **encode(content)}, allow_nan=False)
        self._pipe.write(line.encode() + b"\n")
        self._pipe.flush()


def received(line: bytes) -> Iterator[Mapping[str, Any]]:
    """The message of a line; nothing for what is none, whoever wrote it there."""
    if len(line) > _LONGEST:
        return
    try:
        message = json.loads(line)
    except ValueError:
        return
    if isinstance(message, dict) and isinstance(message.get("event"), str):
        yield message
