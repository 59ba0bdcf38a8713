"""From the options of ``nanlog record`` to the interpreter that runs the script in place of this one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from nanlog.errors import UsageError
from nanlog.record.script.asked import Asked
from nanlog.record.script.interpreter import interpreter

__all__ = ["become"]


def become(script: str, args: tuple[str, ...], options: Mapping[str, Any]) -> NoReturn:
    """The process becomes that of the script: its exit code, its signals and its output are its own.

    Raises ``UsageError`` where there is no such script.
    """
    if not options["module"]:
        _refuse_faults(script)
    command = [*interpreter(), Asked((script, *args), **options).as_text(), script, *args]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # execv there leaves the shell before the script has ended
        import subprocess

        sys.exit(subprocess.run(command, check=False).returncode)  # noqa: S603  our own interpreter
    os.execv(command[0], command)  # noqa: S606  the same


def _refuse_faults(script: str) -> None:
    path = Path(script)
    if not path.exists():
        near = f"; did you mean {script}.py" if Path(f"{script}.py").exists() else ""
        module = f"; for a module: nanlog record -m {script}" if "." in script and "/" not in script else ""
        raise UsageError(f"there is no script {script}{near or module}")
    if path.suffix in (".jsonl", ".log", ".csv", ".txt"):
        raise UsageError(f"{script} is a log, not a script; to have it diagnosed: nanlog diagnose {script}")
