"""The runs in a store: saving, finding and loading them.

::

    <root>/runs/<run id>/points/part-0.parquet    and series/, facts/, marks/, unread/ alike (see ``tables``)
    <root>/runs/<run id>/run.json                 what the run is
    <root>/runs/<run id>/report.json              what was found out about it

Any program that reads Parquet reads these: ``pandas.read_parquet(".nanlog/runs/train-6eqixpau/points")``, or in DuckDB
``from '.nanlog/runs/*/points/*.parquet'``.  See ``folders`` for how a run is replaced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from nanlog import __version__
from nanlog.errors import StoreError
from nanlog.model import Run

from .folders import publish
from .identity import is_run_id, run_id_of
from .parquet import read_json, read_run, write_json, write_run

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One entry of the store; ``saved_at`` is in UTC."""

    run_id: str
    path: Path
    source: str
    parser: str
    saved_at: datetime
    points: int
    lines: int


def store_root(option: str | None = None) -> Path:
    """The folder of the store: ``option`` if given, else ``NANLOG_STORE``, else ``.nanlog`` in the working folder."""
    return Path(option or os.environ.get("NANLOG_STORE") or ".nanlog")


def save(run: Run, report_json: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None, root: Path) -> StoredRun:
    """Write a run and its report, whole or not at all; they replace what was saved of the same source before.

    A report that is still being made can be given as a function that waits for it; it is called last.  Raises
    ``StoreError`` when the disk does not let it.
    """
    run_id = run_id_of(run)
    points = sum(len(series) for series in run.table.values())
    stored = StoredRun(run_id, _shown(root, run_id), run.source, run.parser, datetime.now(UTC), points, run.lines)

    def write(folder: Path) -> None:
        about = {"run_id": run_id, "saved_at": stored.saved_at.isoformat(), "points": points, "nanlog": __version__}
        write_run(folder, run, about)
        if report_json is not None:
            write_json(folder / "report.json", report_json() if callable(report_json) else report_json)

    try:
        publish(root, run_id, write)
    except OSError as error:
        raise StoreError(
            f"cannot write the store in {root}: {error.strerror or error}; "
            "choose another folder with --store, or keep nothing with --no-store"
        ) from error
    return stored


def load(root: Path, run_id: str) -> Run:
    """The run as it was saved.  Raises ``StoreError`` where there is none, or its files are damaged."""
    return _read(root, run_id, read_run)


def load_report(root: Path, run_id: str) -> dict[str, Any] | None:
    """The report saved with a run; None where there was none.  Raises ``StoreError`` like :func:`load`."""

    def read(folder: Path) -> dict[str, Any] | None:
        names = {path.name for path in folder.iterdir()}
        return read_json(folder / "report.json") if "report.json" in names else None

    return _read(root, run_id, read)


def list_runs(root: Path) -> tuple[StoredRun, ...]:
    """What the store holds, the newest first; nothing where there is no store."""
    stored = [_read(root, run_id, lambda folder: _stored(root, folder)) for run_id in _run_ids(root)]
    return tuple(sorted(stored, key=lambda run: (run.saved_at, run.run_id), reverse=True))


def latest(root: Path) -> StoredRun | None:
    """The run that was saved last."""
    return next(iter(list_runs(root)), None)


def _shown(root: Path, run_id: str) -> Path:
    return root / "runs" / run_id


def _run_ids(root: Path) -> list[str]:
    return sorted(path.parent.name for path in (root / "runs").glob("*/run.json") if is_run_id(path.parent.name))


def _stored(root: Path, folder: Path) -> StoredRun:
    about = read_json(folder / "run.json")
    run_id = about["run_id"]
    saved_at = datetime.fromisoformat(about["saved_at"])
    return StoredRun(
        run_id, _shown(root, run_id), about["source"], about["parser"], saved_at, about["points"], about["lines"]
    )


def _read(root: Path, run_id: str, read: Callable[[Path], Read]) -> Read:
    """Read one generation of a run; the next one when that is replaced meanwhile."""
    if not is_run_id(run_id) or not _shown(root, run_id).exists():
        raise StoreError(_no_such_run(root, run_id))
    while True:
        folder = _shown(root, run_id).resolve()
        try:
            return read(folder)
        except (OSError, ValueError, LookupError, TypeError) as error:
            # pyarrow's errors for a damaged file are ValueError and OSError
            if _shown(root, run_id).resolve() == folder:
                raise StoreError(
                    f"the run {run_id} in the store {root} cannot be read: {error}; "
                    "diagnose its log again to replace it"
                ) from error


def _no_such_run(root: Path, run_id: str) -> str:
    from difflib import get_close_matches

    known = _run_ids(root)
    if not known:
        return f"there is no run {run_id!r}: the store {root} is empty; nanlog diagnose LOG puts a run in"
    near = get_close_matches(run_id, known, n=3, cutoff=0.4) or known[:3]
    return f"there is no run {run_id!r} in the store {root}, which holds {len(known)}; the nearest: {', '.join(near)}"
