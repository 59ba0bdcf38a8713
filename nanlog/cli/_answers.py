"""The answers for the paths of a command, one by one, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nanlog.cli._fail_on import outcome
from nanlog.cli._group import complain
from nanlog.cli._progress import ReadingBar
from nanlog.errors import StoreError
from nanlog.model import Rule
from nanlog.pipeline import answer
from nanlog.report import Answer, Failure

__all__ = ["Answers"]


def _warn(error: StoreError) -> None:
    complain(f"warning: {error}")


class Answers:
    """Iterated over once; ``outcomes`` are complete afterwards."""

    def __init__(
        self, paths: Iterable[str], format_in: str | None, store: Path | None, rules: Sequence[Rule] | None = None
    ) -> None:
        self._paths = paths
        self._format_in = format_in
        self._store = store
        self._rules = rules
        self.outcomes: set[str] = set()

    def __iter__(self) -> Iterator[Answer]:
        for path in self._paths:
            with ReadingBar(path) as progress:
                found = answer(path, self._format_in, progress, self._store, _warn, self._rules)
            self.outcomes.add(outcome(found))
            if isinstance(found, Failure):
                complain(found.error)
            yield found
