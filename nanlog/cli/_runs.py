"""The run that a command is about: the one saved last, one of the store, or a log that is read now."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from nanlog.errors import StoreError, UnreadableError
from nanlog.printable import printable

if TYPE_CHECKING:
    from nanlog.model import Report, Run

__all__ = ["RUN", "Chosen", "keep_options", "resolve_run", "root_of", "store_option"]

Command = TypeVar("Command", bound=Callable[..., Any])

_STORE = "Folder the runs are kept in.  [default: NANLOG_STORE, else .nanlog]"


@dataclass
class Chosen:
    """A run and where it is kept; what is stored is read when it is asked for.

    ``run_id`` is None for a log that was read and is not kept.
    """

    root: Path
    run_id: str | None
    _read: Report | None = field(default=None, repr=False)

    @cached_property
    def report(self) -> Report:
        """The report as it was stored, or as it was just made.  Raises ``StoreError`` for a damaged run."""
        from nanlog.pipeline import load

        return self._read or load(self.run_id, self.root)

    @property
    def run(self) -> Run:
        return self.report.run


def resolve_run(
    word: str | None, store: str | None = None, *, keep: bool = True, format_in: str | None = None
) -> Chosen:
    """The run that ``word`` means: the latest where it is None, a path, a run id, or the beginning of one.

    A path that exists, or ``-``, is read and diagnosed, and kept in the store unless ``keep`` is False or the
    configuration says ``no-store``; it wins over an id.  ``store`` is what ``--store`` says.  Raises ``UsageError``
    where several ids begin with the word, ``StoreError`` where none does, and ``UnreadableError`` for a path that
    cannot be read.
    """
    from nanlog.cli._config import configured
    from nanlog.store import latest

    root = root_of(store)
    if word is not None and (word == "-" or os.path.lexists(word)):
        keep = keep and (store is not None or not configured("no-store"))
        return _diagnosed(word, root, keep, format_in)
    if word is not None:
        return Chosen(root, _found(root, word))
    newest = latest(root)
    if newest is None:
        raise StoreError(f"there is no run in the store {root}; nanlog diagnose LOG puts one in")
    return Chosen(root, newest.run_id)


def _found(root: Path, word: str) -> str:
    """The id of a run; of what can only be a path it is said that there is no such file, either."""
    from nanlog.store import find

    try:
        return find(root, word)
    except StoreError as error:
        if "/" in word or "\\" in word:
            raise UnreadableError(f"there is no file {word}, and no run of it in the store {root}") from error
        raise


def root_of(store: str | None) -> Path:
    """The folder that ``--store`` names, else the environment, else the configuration, else ``.nanlog``."""
    from nanlog.cli._config import configured
    from nanlog.store import store_root

    return store_root(store or os.environ.get("NANLOG_STORE") or configured("store"))


def _diagnosed(path: str, root: Path, keep: bool, format_in: str | None) -> Chosen:
    from nanlog.cli._group import complain
    from nanlog.cli._progress import ReadingBar
    from nanlog.pipeline import answer
    from nanlog.report import Failure
    from nanlog.store import id_in

    with ReadingBar(path) as progress:
        found = answer(path, format_in, progress, root if keep else None, lambda error: complain(f"warning: {error}"))
    if isinstance(found, Failure):
        raise UnreadableError(found.error)
    return Chosen(root, id_in(root, found.run) if keep else None, found)


class _RunWord(StringParamType):
    """A run id, the beginning of one, or a path."""

    name = "run"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The runs of the store that begin so, each with its source, and what the shell knows of files."""
        from nanlog.store import list_runs

        runs = list_runs(root_of(ctx.params.get("store")))
        near = [run for run in runs if run.run_id.startswith(incomplete)]
        # files first: at them, the script of click for bash forgets what it was offered before
        files = CompletionItem(incomplete, type="file")
        return [files, *(CompletionItem(run.run_id, help=printable(run.source)) for run in near)]


RUN = _RunWord()


def store_option(command: Command) -> Command:
    """Give a command ``--store DIR``; its value is what :func:`resolve_run` and :func:`root_of` take."""
    return click.option("--store", metavar="DIR", type=click.Path(file_okay=False), help=_STORE)(command)


def keep_options(command: Command) -> Command:
    """``--store``, and ``--format-in`` and ``--no-store`` for commands that may be given a log."""
    from nanlog.cli._known import DIALECT

    for option in (
        click.option("--no-store", is_flag=True, help="Do not keep a log that is read now."),
        store_option,
        click.option("--format-in", metavar="NAME", type=DIALECT, help="Read a log as this dialect."),
    ):
        command = option(command)
    return command
