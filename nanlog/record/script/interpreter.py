"""The interpreter that runs a script under the recorder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["interpreter"]


def interpreter() -> list[str]:
    """The Python at work with the options it was started with, and the file that runs a script."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags, str(Path(__file__).resolve().parents[1] / "__main__.py")]
