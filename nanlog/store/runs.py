"""The runs in a store: saving and loading them.

::

    <root>/runs/<run id>/points/part-0.parquet    and series/, facts/, marks/, unread/ alike (see ``tables``)
    <root>/runs/<run id>/run.json                 what the run is, and in short what was found out about it
    <root>/runs/<run id>/report.json              what was found out about it
    <root>/runs/<run id>/replay.json              what a replay of it confirmed, where there was one

Any program that reads Parquet reads these: ``pandas.read_parquet(".nanlog/runs/train-6eqixpau/points")``, or in DuckDB
``from '.nanlog/runs/*/points/*.parquet'``.  See ``folders`` for how a run is replaced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nanlog import __version__
from nanlog.errors import StoreError
from nanlog.model import Run

from .entries import StoredRun, Summary, read_entry, run_ids, shown
from .folders import publish, put, withdraw
from .identity import is_run_id, run_id_of, same_source
from .parquet import json_text, read_json, read_run, write_about, write_json, write_tables

_REPORT, _REPLAY = "report.json", "replay.json"
#: What must be alike in two reports for a replay to belong to both.
_SAME_ONSET = ("series", "step", "line", "attempt")


def store_root(option: str | None = None) -> Path:
    """The folder of the store: ``option`` if given, else ``NANLOG_STORE``, else ``.nanlog`` in the working folder."""
    return Path(option or os.environ.get("NANLOG_STORE") or ".nanlog")


def save(run: Run, report_json: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None, root: Path) -> StoredRun:
    """Write a run and its report, whole or not at all; they replace what was saved of the same source before.

    A report that is still being made can be given as a function that waits for it; it is called last.  What a replay
    confirmed stays with the run for as long as the onset stays what it was.  Raises ``StoreError`` when the disk does
    not let it.
    """
    run_id = id_in(root, run) or run_id_of(run)
    saved_at, points = datetime.now(UTC), sum(len(series) for series in run.table.values())
    log = None if run.source == "-" else os.path.realpath(run.source)
    about = {"run_id": run_id, "saved_at": saved_at.isoformat(), "points": points, "nanlog": __version__, "log": log}
    summary = Summary()

    def write(folder: Path) -> None:
        nonlocal summary
        write_tables(folder, run)
        report = report_json() if callable(report_json) else report_json
        if report is not None:
            write_json(folder / _REPORT, report)
            summary = Summary.of(report)
        write_about(folder, run, {**about, "summary": asdict(summary)})

    try:
        publish(root, run_id, write, _keep_replay)
    except OSError as error:
        raise StoreError(_not_written(root, error)) from error
    return StoredRun(run_id, shown(root, run_id), run.source, run.parser, saved_at, points, run.lines, summary, log)


def id_in(root: Path, run: Run) -> str | None:
    """The name under which the store holds what was read from the source of ``run``; None where it holds nothing."""
    own = run_id_of(run)
    return next((run_id for run_id in run_ids(root) if same_source(run_id, own)), None)


def load(root: Path, run_id: str) -> Run:
    """The run as it was saved.  Raises ``StoreError`` where there is none, or its files are damaged."""
    return read_entry(root, run_id, read_run)


def load_report(root: Path, run_id: str) -> dict[str, Any] | None:
    """The report saved with a run; None where there was none.  Raises ``StoreError`` like :func:`load`."""
    return read_entry(root, run_id, lambda folder: _read_if_there(folder / _REPORT))


def load_both(root: Path, run_id: str) -> tuple[Run, dict[str, Any] | None]:
    """:func:`load` and :func:`load_report` of the same moment."""
    return read_entry(root, run_id, lambda folder: (read_run(folder), _read_if_there(folder / _REPORT)))


def save_replay(root: Path, run_id: str, replay_json: Mapping[str, Any]) -> None:
    """Keep what a replay of a run confirmed beside its report, whole or not at all.

    Raises ``StoreError`` where there is no such run, or the disk does not let it.
    """
    text = json_text(replay_json)
    while True:
        folder = read_entry(root, run_id, lambda folder: folder)
        try:
            put(folder / _REPLAY, text)
        except OSError as error:
            if folder.exists():
                raise StoreError(_not_written(root, error)) from error
        if shown(root, run_id).resolve() == folder:  # else it was replaced meanwhile, perhaps before it could be copied
            return


def load_replay(root: Path, run_id: str) -> dict[str, Any] | None:
    """What a replay of a run confirmed; None where there was none.  Raises ``StoreError`` like :func:`load`."""
    return read_entry(root, run_id, lambda folder: _read_if_there(folder / _REPLAY))


def forget(root: Path, run_id: str) -> int | None:
    """Remove a run, also a damaged one, and return how many bytes its files had; None where there was none.

    Raises ``StoreError`` where the disk does not let it.
    """
    if not is_run_id(run_id):
        return None
    try:
        size = sum(file.stat().st_size for file in shown(root, run_id).resolve().rglob("*.*"))
        return size if withdraw(root, run_id) else None
    except OSError as error:
        raise StoreError(f"cannot remove {run_id} from the store {root}: {error.strerror or error}") from error


def _keep_replay(old: Path, new: Path) -> None:
    """Copy what a replay confirmed to the folder that replaces a run, if that went bad at the same place."""
    if not (old / _REPLAY).exists() or (new / _REPLAY).exists():
        return
    try:
        alike = _onset(old) == _onset(new)
        text = (old / _REPLAY).read_text(encoding="utf-8")
    except (OSError, ValueError):  # damaged: there is nothing to keep
        return
    if alike:
        put(new / _REPLAY, text)


def _onset(folder: Path) -> list[object]:
    onset = (_read_if_there(folder / _REPORT) or {}).get("onset")
    return [onset.get(key) for key in _SAME_ONSET] if isinstance(onset, dict) else []


def _read_if_there(path: Path) -> dict[str, Any] | None:
    return read_json(path) if path.name in {other.name for other in path.parent.iterdir()} else None


def _not_written(root: Path, error: OSError) -> str:
    return (
        f"cannot write the store in {root}: {error.strerror or error}; "
        "choose another folder with --store, or keep nothing with --no-store"
    )
