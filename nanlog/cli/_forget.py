"""Which runs are to go, whether that is meant, and what it freed."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from nanlog.errors import UsageError

__all__ = ["age", "agreed", "condemned", "remove"]

_SHOWN = 10  #: so many names are shown before the question
_SECONDS = {"h": 3600.0, "d": 86400.0, "w": 604800.0}
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def age(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """``30d`` in seconds (the callback of an option)."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})\s*([hdw])", value.strip().lower())
    if found is None:
        raise click.BadParameter(f"{value!r} is no age: write 12h, 30d or 8w for hours, days or weeks.")
    return int(found[1]) * _SECONDS[found[2]]


def condemned(root: Path, words: Sequence[str], *, everything: bool, older_than: float | None) -> list[str]:
    """The ids of the runs that are named, or of all, as far as they are older than so many seconds.

    Raises ``UsageError`` where neither runs nor ``--all`` nor an age is given, and what :func:`nanlog.store.find` does.
    """
    from nanlog.store import find
    from nanlog.store.entries import run_ids, shown

    if not words and not everything and older_than is None:
        raise UsageError("which runs? Name them, or --older-than 30d, or --all; nanlog runs lists them")
    if words and everything:
        raise UsageError("--all forgets every run: leave out the names, or leave out --all")
    named = [find(root, word) for word in words] if words else run_ids(root)
    latest = time.time() - (older_than or 0)
    return [
        run_id for run_id in dict.fromkeys(named) if older_than is None or shown(root, run_id).lstat().st_mtime < latest
    ]


def agreed(doomed: Sequence[str], *, yes: bool) -> bool:
    """Ask, unless that was answered with ``--yes``.  Raises ``UsageError`` where nobody can answer."""
    if yes:
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"nobody can be asked here whether to forget {_counted(len(doomed))}: --yes says so")
    for run_id in doomed[:_SHOWN]:
        click.echo(f"  {run_id}", err=True)
    if len(doomed) > _SHOWN:
        click.echo(f"  and {len(doomed) - _SHOWN} more", err=True)
    return click.confirm(f"Forget {_counted(len(doomed))}?", err=True)


def remove(root: Path, doomed: Sequence[str]) -> str:
    """Remove the runs; returns what that comes to."""
    from nanlog.store import forget

    sizes = [size for run_id in doomed if (size := forget(root, run_id)) is not None]
    return f"Forgot {_counted(len(sizes))} ({_size(sum(sizes))})."


def _counted(runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'}"


def _size(count: float) -> str:
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.3g} {_UNITS[unit]}" if unit else f"{count:.0f} bytes"
