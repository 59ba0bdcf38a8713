"""Which points of a run go into a file, and in which form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from nanlog.errors import NotLoggedError, UsageError
from nanlog.printable import NAME_LIMIT, printable

if TYPE_CHECKING:
    import pyarrow as pa

    from nanlog.cli._runs import Chosen

__all__ = ["form_of", "points_of"]

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
            raise NotLoggedError(f"no series is named {glob!r}; the run has {near or 'none'}")
    return [name for name in known if not globs or name in globs or any(fnmatchcase(name, glob) for glob in globs)]


def _near(known: Sequence[str], glob: str) -> Iterable[str]:
    from difflib import get_close_matches

    near = get_close_matches(glob, known, _SHOWN, 0.5) or list(known[:_SHOWN])
    yield from (printable(name, NAME_LIMIT) for name in near)
    if len(known) > len(near):
        yield f"and {len(known) - len(near)} more"
