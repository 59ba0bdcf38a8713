"""The whole way from a path to a report, and into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nanlog.engine import diagnose_run
from nanlog.errors import StoreError, UnreadableError
from nanlog.model import Report, Rule, Run
from nanlog.registry import choose
from nanlog.report import Answer, Failure
from nanlog.report.as_json import as_dict
from nanlog.report.saved import report_of
from nanlog.source import open_source
from nanlog.store import StoredRun, collect, find, id_in, latest, list_runs, load_both, load_replay, save, store_root

__all__ = ["Progress", "answer", "diagnose", "load", "runs"]

Progress = Callable[[int], object]  #: called with the size of each piece of text that was read, in bytes


def diagnose(
    path: str,
    format_in: str | None = None,
    progress: Progress | None = None,
    rules: Sequence[Rule] | None = None,
) -> Report:
    """Return the report for one run: a file, a folder whose files belong together, or ``-`` for standard input.

    ``format_in`` names the dialect; without it the dialect is recognised.  Only ``rules`` judge, or all.  Raises
    :class:`~nanlog.errors.UnreadableError` when the run cannot be opened or recognised and
    :class:`~nanlog.errors.UsageError` for an unknown dialect; what the log says never raises.
    """
    return diagnose_run(_read(path, format_in, progress), rules)


def answer(
    path: str,
    format_in: str | None = None,
    progress: Progress | None = None,
    store: Path | None = None,
    complain: Callable[[StoreError], object] = lambda _error: None,
    rules: Sequence[Rule] | None = None,
) -> Answer:
    """Like :func:`diagnose`, but a path that cannot be read is an answer too: it must not end the others.

    What was read and what was found is kept in ``store``, where one is named; that it cannot be written is told to
    ``complain``.
    """
    try:
        run = _read(path, format_in, progress)
    except UnreadableError as error:
        return Failure(path, str(error))
    if store is None:
        return diagnose_run(run, rules)
    with _kept(run, store, complain) as found:
        report = diagnose_run(run, rules)
        found.set_result(as_dict(report))
    return _with_replay(report, store, id_in(store, run))


def load(run_id: str | None = None, store: str | Path | None = None) -> Report:
    """Return the report that was stored with a run, without reading its log again.

    ``run_id`` may be the beginning of an id; without it the run saved last is loaded.  ``store`` is the folder of the
    store, ``NANLOG_STORE`` or ``.nanlog`` where none is given.  A run that was kept without a report that this version
    understands is judged anew.  Raises :class:`~nanlog.errors.StoreError` where there is no such run, or its files are
    damaged, and :class:`~nanlog.errors.UsageError` where several ids begin so.
    """
    root = store_root(None if store is None else str(store))
    newest = latest(root) if run_id is None else None
    if run_id is None and newest is None:
        raise StoreError(f"there is no run in the store {root}; nanlog diagnose LOG puts one in")
    name = newest.run_id if newest is not None else find(root, str(run_id))
    run, saved = load_both(root, name)
    try:
        report = diagnose_run(run) if saved is None else report_of(saved, run)
    except (LookupError, TypeError, ValueError, AttributeError):  # another version of nanlog saved it
        report = diagnose_run(run)
    return _with_replay(report, root, name)


def runs(store: str | Path | None = None) -> tuple[StoredRun, ...]:
    """Return what the store holds, the newest first; nothing where there is no store."""
    return list_runs(store_root(None if store is None else str(store)))


def _with_replay(report: Report, root: Path, run_id: str | None) -> Report:
    """The report with what a replay of its run found out; one that cannot be read is as good as none."""
    with suppress(StoreError):
        if run_id is not None and (replay := load_replay(root, run_id)) is not None:
            from nanlog.replay.settled import settled

            return settled(report, replay)
    return report


def _read(path: str, format_in: str | None, progress: Progress | None) -> Run:
    source = open_source(path)
    choice = choose(source, format_in)
    return collect(source, choice.readings, choice.left_out, progress)


@contextmanager
def _kept(run: Run, root: Path, complain: Callable[[StoreError], object]) -> Iterator[Future[Mapping[str, Any]]]:
    """Save the run while it is judged; the report is what the future that is yielded will hold."""
    found: Future[Mapping[str, Any]] = Future()
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(save, run, found.result, root)
        try:
            yield found
        finally:
            if not found.done():
                found.cancel()  # judging failed: there is nothing to keep
        try:
            saving.result()
        except StoreError as error:
            complain(error)
