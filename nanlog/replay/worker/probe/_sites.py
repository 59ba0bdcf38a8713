"""The line of the user's code on behalf of which torch is at work."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import torch

from nanlog.replay.worker.faults import is_users

__all__ = ["NOWHERE", "Site", "site_here"]

_TORCH = str(Path(torch.__file__).parent)
_CHECKPOINT = str(Path("torch", "utils", "checkpoint.py"))
_SCALER = str(Path("amp", "grad_scaler.py"))


class Site(NamedTuple):
    """The innermost frame of the user's code.

    ``recomputed`` says that a checkpointed forward runs again inside backward, ``scaling`` that a loss scaler is at
    work.
    """

    file: str | None = None
    line: int | None = None
    recomputed: bool = False
    scaling: bool = False


NOWHERE = Site()


@cache
def _is_users(file: str) -> bool:
    return file.startswith(("<ipython-input", "<stdin>")) or (not file.startswith(_TORCH) and is_users(file))


def site_here(boundary: CodeType | None = None) -> Site:
    """The innermost user's frame, no further out than ``boundary``: the frame from which backward was started.

    The line that called ``loss.backward()`` is not where a gradient comes from.
    """
    frame = sys._getframe(1)
    recomputed = scaling = False
    while frame is not None:
        code = frame.f_code
        if code is boundary:
            break
        file = code.co_filename
        if _is_users(file):
            return Site(file, frame.f_lineno, recomputed or _recomputed_further_out(frame, boundary), scaling)
        recomputed = recomputed or file.endswith(_CHECKPOINT)
        scaling = scaling or file.endswith(_SCALER)
        frame = frame.f_back  # type: ignore[assignment]
    return Site(None, None, recomputed, scaling)


def _recomputed_further_out(frame: object, boundary: CodeType | None) -> bool:
    """The frames of a recomputation lie outside of the user's forward that it calls, but inside the boundary."""
    if boundary is None:
        return False
    while frame is not None and frame.f_code is not boundary:  # type: ignore[attr-defined]
        if frame.f_code.co_filename.endswith(_CHECKPOINT):  # type: ignore[attr-defined]
            return True
        frame = frame.f_back  # type: ignore[attr-defined]
    return False
