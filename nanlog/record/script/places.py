"""Where a run of ``nanlog record`` puts what it writes."""

from __future__ import annotations

from pathlib import Path

from .asked import Asked

__all__ = ["folder_for"]

_HOME = "nanlog-record"


def folder_for(asked: Asked, rank: int) -> Path:
    """``nanlog-record/train``, with the next free number behind for later runs; ranks of one run share a folder.

    Absolute: a script may change its working folder.  Nothing is made yet.
    """
    if asked.output is not None:
        return Path(asked.output).resolve()
    name = asked.command[0].rpartition(".")[2] if asked.module else Path(asked.command[0]).resolve().stem
    home = Path.cwd() / _HOME
    place, number = home / name, 1
    while (place / f"log{f'-rank{rank}' if rank else ''}.jsonl").exists():
        number += 1
        place = home / f"{name}-{number}"
    return place
