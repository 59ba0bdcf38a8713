"""A step that raised instead of going bad, told like a first non-finite value."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path

from nanlog.replay.outcome import FirstNonfinite, ReplayPhase

from .faults import innermost_user_frame, is_users, shown_path

__all__ = ["first_of_error"]


def first_of_error(error: BaseException, step: int) -> FirstNonfinite:
    """Where in the user's code it was raised, and the public operator that the line called."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = innermost_user_frame(error.__traceback__)
    lines = str(error).strip().splitlines()
    value = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
    if mine is None:
        return FirstNonfinite(step, _phase(frames), value=value)
    inside = frames[frames.index(mine) + 1 :]
    op = next((frame.name for frame in inside if not is_users(frame.filename) and _is_operator(frame)), None)
    code = linecache.getline(mine.filename, mine.lineno or 0).strip() or None
    return FirstNonfinite(
        step, _phase(frames), op=op, file=shown_path(mine.filename), line=mine.lineno, value=value, code=code
    )


def _is_operator(frame: traceback.FrameSummary) -> bool:
    return not frame.name.startswith("_") and frame.name not in ("forward", "backward", "wrapper", "inner")


def _phase(frames: list[traceback.FrameSummary]) -> ReplayPhase:
    files = [Path(frame.filename).as_posix() for frame in frames]
    if any("/torch/optim/" in file for file in files):
        return ReplayPhase.UPDATE
    return ReplayPhase.BACKWARD if any("/torch/autograd/" in file for file in files) else ReplayPhase.FORWARD
