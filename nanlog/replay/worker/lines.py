"""The line of the user's code that is running."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from types import FrameType

from .faults import is_users

__all__ = ["at", "users_line"]

_users = cache(is_users)


def users_line() -> tuple[str, int] | None:
    """File and line of the innermost frame of the user's own code; None where there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _users(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None


def at(place: tuple[str, int] | None, file: str | None, line: int | None) -> bool:
    """Whether a place is that line; ``file`` may be relative, and None stands for anywhere."""
    if file is None or line is None:
        return True
    return place is not None and place[1] == line and Path(place[0]).name == Path(file).name
