"""A folder that appears, and is replaced, whole or not at all.

::

    <root>/runs/<name>                     a link to the generation that counts
    <root>/generations/<name>.<pid>-<x>    one folder as it was published once; ``put`` may add a file
    <root>/.tmp-<pid>-<x>                  being written, or being removed

A generation is written under a temporary name, forced to the disk, renamed into ``generations`` and only then linked;
the link is replaced by one atomic rename.  (A rename cannot replace a folder that is not empty, a link it can.)  So
whoever opens ``runs/<name>/...``, with whatever program, sees the old generation or the new one, never part of either.
Killed at any moment, a writer leaves the old link as it was, and at most a folder that no link names; the next writer
removes what dead writers left.  The links are relative: a store can be moved or copied as a whole.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

#: What a dead process left is not touched before it is this old, in seconds: the process may live in another container,
#: where its number means nothing to us.
GRACE = 600.0

_OWNED = re.compile(r"(?:\.tmp-|.*\.)(?P<pid>[0-9]+)-[0-9a-f]+(?:\.link)?")


def publish(
    root: Path,
    name: str,
    write: Callable[[Path], None],
    keep: Callable[[Path, Path], None] = lambda _old, _new: None,
) -> Path:
    """Let ``write`` fill a new folder, then make it the one that ``runs/<name>`` shows; returns that path.

    ``keep`` copies from the folder that is replaced to the new one what was put there later.  It is called before the
    new one is shown, so that nothing is lost when we are killed, and afterwards for what was put there in between.
    Raises ``OSError``, and leaves what was there before, when the disk does not let it.
    """
    own = _own()
    temporary, link = root / f".tmp-{own}", root / f".tmp-{own}.link"
    runs, generations = root / "runs", root / "generations"
    runs.mkdir(parents=True, exist_ok=True)
    generations.mkdir(exist_ok=True)
    sweep(root)
    try:
        temporary.mkdir()
        write(temporary)
        keep((runs / name).resolve(), temporary)
        _sync_tree(temporary)
        generation = generations / f"{name}.{own}"
        temporary.rename(generation)
        _sync(generations)
        link.symlink_to(os.path.relpath(generation, runs))
        replaced = _replace(runs / name, link)
        _sync(runs)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        link.unlink(missing_ok=True)
    if replaced is not None:
        with suppress(OSError):  # the new one may have been replaced in its turn
            keep(replaced, generation)
        _remove(replaced, temporary)
    return runs / name


def withdraw(root: Path, name: str) -> bool:
    """Remove what ``runs/<name>`` shows; False where it shows nothing.

    Readers see all of it or nothing.  A writer that publishes it at the same moment comes before or after.
    """
    own = _own()
    aside = root / f".tmp-{own}.link"
    try:
        (root / "runs" / name).rename(aside)
    except FileNotFoundError:
        return False
    _sync(root / "runs")
    if aside.is_symlink():
        generation = root / "generations" / aside.readlink().name
        _remove(generation, root / f".tmp-{own}")
    _remove(aside, root / f".tmp-{_own()}")
    sweep(root)
    return True


def put(file: Path, text: str) -> None:
    """Add a file to a folder that is shown, or replace it there, whole or not at all."""
    temporary = file.with_name(f".tmp-{_own()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        _sync(temporary)
        temporary.replace(file)
        _sync(file.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(root: Path) -> None:
    """Remove what writers that died have left."""
    left = [*root.glob(".tmp-*"), *(root / "generations").iterdir()]
    shown = {Path(link.readlink()).name for link in (root / "runs").iterdir() if link.is_symlink()}
    for path in left:
        owned = _OWNED.fullmatch(path.name)
        if owned and path.name not in shown and not _is_alive(int(owned["pid"])) and _age(path) > GRACE:
            _remove(path, root / f".tmp-{_own()}")


def _replace(shown: Path, link: Path) -> Path | None:
    """Rename ``link`` to ``shown``; returns the folder that nothing shows any more."""
    replaced = shown.resolve() if shown.exists() else None
    if replaced is not None and not shown.is_symlink():
        # a copy of a store in which the folder itself stands where the link was
        replaced = link.with_suffix(".old")
        shown.rename(replaced)
    link.replace(shown)
    return replaced


def _remove(folder: Path, aside: Path) -> None:
    # First out of the readers' way, so that none finds half of it.  Another process may be doing the same.
    with suppress(OSError):
        folder.rename(aside)
    if aside.is_symlink():
        aside.unlink(missing_ok=True)
    shutil.rmtree(aside, ignore_errors=True)


def _own() -> str:
    """A part of a name that nobody else uses, and that says whose it is."""
    return f"{os.getpid()}-{os.urandom(4).hex()}"


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # there, os.kill ends the process whatever the signal
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return 0.0


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            _sync(Path(parent, name))
        _sync(Path(parent))


def _sync(path: Path) -> None:
    """Force a file or a folder to the disk."""
    if os.name == "nt" and path.is_dir():  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
