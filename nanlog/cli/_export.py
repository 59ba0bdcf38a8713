"""Where the points of a run go, and which of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nanlog.errors import UsageError
from nanlog.printable import NAME_LIMIT, printable

if TYPE_CHECKING:
    import pyarrow as pa

    from nanlog.cli._runs import Chosen

__all__ = ["form_of", "opened", "points_of", "target"]

_FORMS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}
_SHOWN = 8  #: so many names are suggested


def form_of(asked: str | None, out: str | None) -> str:
    """``csv`` or ``parquet``: what is asked for, else what the ending of the file says, else CSV."""
    if asked == "parquet" and out == "-":
        raise UsageError("Parquet cannot be written to standard output: name a file with --out, or use --csv")
    return asked or _FORMS.get(Path(out or "").suffix.lower(), "csv")


def points_of(chosen: Chosen, globs: Sequence[str]) -> Iterator[pa.Table]:
    """The points of the series that are asked for, part by part; a stored run is not loaded as a whole."""
    from dataclasses import replace

    from nanlog.store.export import series_sizes, stored_points
    from nanlog.store.tables import points_tables

    if chosen.run_id is not None:
        names = _named(list(series_sizes(chosen.root, chosen.run_id)), globs)
        return stored_points(chosen.root, chosen.run_id, set(names))
    run = chosen.run
    names = _named(list(run.table), globs)
    return points_tables(replace(run, table={name: run.table[name] for name in names}))


def _named(known: Sequence[str], globs: Sequence[str]) -> list[str]:
    """The series that any of the globs names; all without one."""
    for glob in globs:
        if glob not in known and not any(fnmatchcase(name, glob) for name in known):
            near = ", ".join(_near(known, glob))
            raise UsageError(f"no series is named {glob!r}; the run has {near or 'none'}")
    return [name for name in known if not globs or name in globs or any(fnmatchcase(name, glob) for glob in globs)]


def _near(known: Sequence[str], glob: str) -> Iterable[str]:
    from difflib import get_close_matches

    near = get_close_matches(glob, known, _SHOWN, 0.5) or list(known[:_SHOWN])
    yield from (printable(name, NAME_LIMIT) for name in near)
    if len(known) > len(near):
        yield f"and {len(known) - len(near)} more"


@contextmanager
def opened(out: str, *, force: bool) -> Iterator[BinaryIO]:
    """Yield what to write to: standard output for ``-``, else a file that appears whole, when all is written.

    Raises :class:`~nanlog.errors.UsageError` where the file is there already, unless ``force``, or cannot be written.
    """
    if out == "-":
        if sys.stdout is None:
            raise UsageError("standard output is closed: name a file with --out")
        yield sys.stdout.buffer
        return
    path = Path(out)
    if path.is_dir() or (os.path.lexists(path) and not force):
        advice = "--out FILE writes elsewhere"
        raise UsageError(f"{out} is {'a folder' if path.is_dir() else 'there already: --force replaces it'}; {advice}")
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise UsageError(
            f"{out} could not be written ({error.strerror or error}): --out FILE writes elsewhere"
        ) from error
    finally:
        with suppress(OSError):  # it was never made
            temporary.unlink()


def target(chosen: Chosen, form: str) -> str:
    """The file that is written where none is named; it lies in the working folder."""
    from nanlog.store.identity import run_id_of

    return f"{chosen.run_id or run_id_of(chosen.run)}.{form}"
