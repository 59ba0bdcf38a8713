"""The entries of a store: which there are, what each is in short, and which one a word means."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from nanlog.errors import StoreError, UsageError

from .identity import id_of_path, is_run_id, same_source
from .parquet import read_json

Read = TypeVar("Read")

_SHOWN = 5  #: so many candidates are named


@dataclass(frozen=True, slots=True)
class Summary:
    """What was found out about a run, in the words of its report; None where that says nothing.

    ``departure_step`` is where a divergence left the normal range, which has no first bad ``step``.  ``confirmed`` is
    the cause that the last replay proved, which may be another one than the likeliest.
    """

    verdict: str | None = None
    pattern: str | None = None
    step: int | None = None
    departure_step: int | None = None
    cause: str | None = None
    confidence: float | None = None
    confirmed: str | None = None

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Summary:
        """The summary of a report as it is saved; what is not there or of another type is not known."""
        onset, findings = report.get("onset"), report.get("findings")
        first = findings[0] if isinstance(findings, list) and findings else {}
        told = {"verdict": report.get("verdict")}
        told |= (
            {key: onset.get(key) for key in ("pattern", "step", "departure_step")} if isinstance(onset, Mapping) else {}
        )
        told |= {key: first.get(key) for key in ("cause", "confidence")} if isinstance(first, Mapping) else {}
        return cls.read(told)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Summary:
        """The inverse of ``asdict``, for what may have been written by another version of nanlog."""
        kinds = {"verdict": str, "pattern": str, "step": int, "departure_step": int, "cause": str, "confidence": float}
        return cls(**{key: told[key] for key, kind in kinds.items() if type(told.get(key)) is kind})


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One entry of the store, in the folder ``path``; ``saved_at`` is in UTC.

    ``log`` is the absolute path of the source; None for standard input, and for what older versions saved.
    """

    run_id: str
    path: Path
    source: str
    parser: str
    saved_at: datetime
    points: int
    lines: int
    summary: Summary = field(default_factory=Summary)
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Damaged:
    """An entry that cannot be read, and why, in one sentence."""

    run_id: str
    why: str


def list_runs(root: Path) -> tuple[StoredRun, ...]:
    """What the store holds and can be read, the newest first; nothing where there is no store."""
    return contents(root)[0]


def contents(root: Path) -> tuple[tuple[StoredRun, ...], tuple[Damaged, ...]]:
    """The runs, the newest first, and the entries that cannot be read."""
    stored, damaged = [], []
    for run_id in run_ids(root):
        try:
            stored.append(entry(root, run_id))
        except StoreError as error:
            if os.path.lexists(shown(root, run_id)):  # else it was forgotten meanwhile
                damaged.append(Damaged(run_id, str(error)))
    newest = sorted(stored, key=lambda run: (run.saved_at, run.run_id), reverse=True)
    return tuple(newest), tuple(damaged)


def latest(root: Path) -> StoredRun | None:
    """The run that was saved last."""
    return next(iter(list_runs(root)), None)


def find(root: Path, word: str) -> str:
    """The run that ``word`` means: its id, the beginning of its id, or the path of a log that was read once.

    Raises ``UsageError`` where several begin so and ``StoreError`` where none does.
    """
    known = run_ids(root)
    if word in known:
        return word
    if (own := next((run_id for run_id in known if same_source(run_id, id_of_path(word))), None)) is not None:
        return own
    near = [run_id for run_id in known if word and run_id.startswith(word)]
    if len(near) > 1:
        more = f" and {len(near) - _SHOWN} more" if len(near) > _SHOWN else ""
        raise UsageError(f"{word!r} is the beginning of {len(near)} runs: {', '.join(near[:_SHOWN])}{more}; type more")
    if not near:
        raise StoreError(_no_such_run(root, word, known))
    return near[0]


def entry(root: Path, run_id: str) -> StoredRun:
    """One run in short.  Raises ``StoreError`` where there is none, or its files are damaged."""
    return read_entry(root, run_id, lambda folder: _entry(root, run_id, folder))


def read_entry(root: Path, run_id: str, read: Callable[[Path], Read]) -> Read:
    """Read one generation of a run; the next one when that is replaced meanwhile."""
    path = shown(root, run_id)
    while is_run_id(run_id) and os.path.lexists(path):
        folder = path.resolve()
        try:
            return read(folder)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, MemoryError) as error:
            # pyarrow's errors for a damaged file are ValueError and OSError
            if os.path.lexists(path) and path.resolve() == folder:
                raise StoreError(damaged(root, run_id, error)) from error
    raise StoreError(_no_such_run(root, run_id, run_ids(root)))


def damaged(root: Path, run_id: str, error: Exception) -> str:
    """What to say of a run that cannot be read."""
    why = " ".join(str(error).split())
    return (
        f"the run {run_id} in the store {root} cannot be read: {why}; "
        f"diagnose its log again to replace it, or remove it with: nanlog forget {run_id}"
    )


def shown(root: Path, run_id: str) -> Path:
    return root / "runs" / run_id


def run_ids(root: Path) -> list[str]:
    """The names of all entries, damaged ones too."""
    try:
        return sorted(filter(is_run_id, os.listdir(root / "runs")))  # noqa: PTH208  names are all that is needed
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"cannot read the store {root}: {error.strerror}; name another with --store") from error


def _entry(root: Path, run_id: str, folder: Path) -> StoredRun:
    about = read_json(folder / "run.json")
    return StoredRun(
        run_id,
        shown(root, run_id),
        str(about["source"]),
        str(about["parser"]),
        datetime.fromisoformat(about["saved_at"]).astimezone(UTC),
        int(about["points"]),
        int(about["lines"]),
        replace(
            Summary.read(about["summary"]) if "summary" in about else _from_report(folder),
            confirmed=_confirmed(folder),
        ),
        None if about.get("log") is None else str(about["log"]),
    )


def _from_report(folder: Path) -> Summary:
    """For what was saved when ``run.json`` did not say it."""
    try:
        return Summary.of(read_json(folder / "report.json"))
    except FileNotFoundError:
        return Summary()


def _confirmed(folder: Path) -> str | None:
    """What a replay proved, in whose file anything may stand."""
    try:
        causes = read_json(folder / "replay.json").get("causes")
    except (OSError, ValueError, AttributeError):
        return None
    told = (each for each in causes if isinstance(each, dict)) if isinstance(causes, list) else ()
    proved = (each.get("cause") for each in told if each.get("verdict") == "confirmed")
    return next((cause for cause in proved if isinstance(cause, str)), None)


def _no_such_run(root: Path, word: str, known: list[str]) -> str:
    from difflib import get_close_matches

    if not known:
        return f"there is no run {word!r}: the store {root} is empty; nanlog diagnose LOG puts a run in"
    near = get_close_matches(word, known, n=3, cutoff=0.4)
    nearest = f"the nearest: {', '.join(near)}; " if near else ""
    return f"there is no run {word!r} in the store {root}, which holds {len(known)}; {nearest}nanlog runs lists them"
