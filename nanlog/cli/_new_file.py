"""A file that a command writes: a new one, whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nanlog.errors import UsageError

if TYPE_CHECKING:
    from nanlog.cli._runs import Chosen

__all__ = ["named_after", "new_file"]

_ADVICE = "--out FILE writes elsewhere"


@contextmanager
def new_file(out: str, chosen: Chosen, *, force: bool) -> Iterator[BinaryIO]:
    """Yield what to write to: standard output for ``-``, else a file that appears when all is written.

    Raises :class:`~nanlog.errors.UsageError` where the file is there already, unless ``force``, where it is one that
    the run was read from, and where it cannot be written.
    """
    if out == "-":
        if sys.stdout is None:
            raise UsageError("standard output is closed: name a file with --out")
        yield sys.stdout.buffer
        return
    path = Path(out)
    _refuse(path, chosen, force=force)
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"{out} could not be written ({error.strerror or error}): {_ADVICE}") from error
    finally:
        with suppress(OSError):  # it was never made
            temporary.unlink()


def _refuse(path: Path, chosen: Chosen, *, force: bool) -> None:
    if path.is_dir():
        raise UsageError(f"{path} is a folder; {_ADVICE}")
    if not os.path.lexists(path):
        return
    if not force:
        raise UsageError(f"{path} is there already: --force replaces it; {_ADVICE}")
    sources = (chosen.run.source, *chosen.run.files)
    if path.exists() and any(Path(source).exists() and path.samefile(source) for source in sources):
        raise UsageError(f"--out {path} would overwrite the log itself: name another file")


def named_after(chosen: Chosen, ending: str) -> str:
    """The file that is written where none is named: the run's id and ``ending``, in the working folder."""
    from nanlog.store.identity import run_id_of

    return f"{chosen.run_id or run_id_of(chosen.run)}{ending}"
