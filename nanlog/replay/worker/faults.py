"""What ends a replay before it begins, as a sentence; and where in the user's code something was raised."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import TracebackType

from nanlog.errors import NanlogError, UsageError

__all__ = ["CouldNotRun", "TargetError", "innermost_user_frame", "is_nanlogs", "is_users", "said", "shown_path"]

_NANLOG = Path(__file__).resolve().parents[2]
_STDLIB = Path(traceback.__file__).resolve().parent


class TargetError(UsageError):
    """The target cannot be used: what is wrong with it and what to write instead."""


class CouldNotRun(Exception):  # noqa: N818  no error, but an honest outcome
    """A trial turned out to be impossible; the message says why, without a full stop."""


def is_users(file: str) -> bool:
    """Whether a file is the user's own: not of the standard library, not installed, not nanlog."""
    if file.startswith("<"):
        return False
    path = Path(file).resolve()
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return not installed and _NANLOG not in path.parents and _STDLIB not in path.parents


def innermost_user_frame(trace: TracebackType | None) -> traceback.FrameSummary | None:
    """The last frame of the user's own code in a traceback."""
    frames = traceback.extract_tb(trace)
    return next((frame for frame in reversed(frames) if is_users(frame.filename)), None)


def is_nanlogs(error: BaseException) -> bool:
    """Whether nanlog's own code raised it while the user's step ran; an index out of range is refused on purpose."""
    frames = traceback.extract_tb(error.__traceback__)
    return (
        bool(frames)
        and _NANLOG in Path(frames[-1].filename).parents
        and not isinstance(error, IndexError | NanlogError)
    )


def said(error: BaseException) -> str:
    """``ValueError: no such file (train.py:12)``, on one line."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
    frame = innermost_user_frame(error.__traceback__)
    return text if frame is None else f"{text} ({shown_path(frame.filename)}:{frame.lineno})"


def shown_path(file: str) -> str:
    """Relative to the folder that comes first on the path, where the file lies below it."""
    path = Path(file).resolve()
    for root in (Path.cwd(), *map(Path, sys.path[:1])):
        if root.resolve() in path.parents:
            return str(path.relative_to(root.resolve()))
    return str(path)
