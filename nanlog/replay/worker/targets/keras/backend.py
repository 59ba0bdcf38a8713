"""Keras reads once, when it is imported, which backend and device it is to use."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from nanlog.replay.plan import Plan
from nanlog.replay.worker.faults import TargetError

__all__ = ["choose_torch", "configured", "need_torch"]

_CONFIGURED = "NANLOG_KERAS_BACKEND"


def choose_torch(plan: Plan) -> None:
    """Before anything imports Keras; what the user had configured is remembered."""
    if "keras" in sys.modules:
        return
    os.environ.setdefault(_CONFIGURED, os.environ.get("KERAS_BACKEND") or _of_file() or "")
    os.environ["KERAS_BACKEND"] = "torch"
    if plan.device != "auto":
        os.environ["KERAS_TORCH_DEVICE"] = plan.device


def configured() -> str | None:
    """The backend that the user's environment or ``keras.json`` names; None where neither does."""
    return os.environ.get(_CONFIGURED) or None


def need_torch() -> None:
    """Raises ``TargetError`` where the user's code has chosen another backend."""
    try:
        import keras
    except ImportError as error:
        raise TargetError(f"Keras cannot be imported here ({error}): pip install 'nanlog[keras]'") from error
    if not hasattr(keras, "config") or keras.__version__ < "3":
        raise TargetError(f"this is Keras {keras.__version__}; a replay needs Keras 3: pip install 'keras>=3'")
    if (backend := keras.config.backend()) != "torch":
        raise TargetError(
            f"the target's code chose the backend {backend}, on which nothing says what happens inside a step; a .keras"
            " file is of no backend: leave KERAS_BACKEND alone in the target, and the file is replayed on torch"
            " (with torch's own kernels and random numbers)"
        )


def _of_file() -> str | None:
    folder = os.environ.get("KERAS_HOME") or str(Path.home() / ".keras")
    try:
        backend = json.loads((Path(folder) / "keras.json").read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError, RuntimeError):
        return None
    return backend if isinstance(backend, str) else None
