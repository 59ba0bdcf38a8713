"""The answers for the paths of a command, one by one, and the exit code they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from nanlog.cli._group import complain
from nanlog.cli._progress import ReadingBar
from nanlog.errors import StoreError
from nanlog.pipeline import answer
from nanlog.report import Answer, Failure

__all__ = ["Answers"]

#: Exit codes, the worst last: one training that failed matters more than a file that could not be read.
_EXIT_CODES = {"healthy": 0, "cannot_judge": 3, "unhealthy": 1}


def _warn(error: StoreError) -> None:
    complain(f"warning: {error}")


class Answers:
    """Iterated over once; ``exit_code`` is right afterwards."""

    def __init__(self, paths: Iterable[str], format_in: str | None, store: Path | None) -> None:
        self._paths = paths
        self._format_in = format_in
        self._store = store
        self._verdicts = {"healthy"}

    def __iter__(self) -> Iterator[Answer]:
        for path in self._paths:
            with ReadingBar(path) as progress:
                found = answer(path, self._format_in, progress, self._store, _warn)
            self._verdicts.add(found.verdict)
            if isinstance(found, Failure):
                complain(found.error)
            yield found

    @property
    def exit_code(self) -> int:
        return next(code for verdict, code in reversed(_EXIT_CODES.items()) if verdict in self._verdicts)
