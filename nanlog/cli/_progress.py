"""A bar on standard error while a long log is read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from nanlog.report import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["ReadingBar"]

#: A log is long if this much of it has been read and there is more: about a second's worth.
LONG = 32 << 20


class ReadingBar:
    """Call it with the bytes read; it appears once the log proves long, on a terminal only, and vanishes at the end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._read = 0
        self._size = Path(path).stat().st_size if path != "-" and Path(path).is_file() else None
        self._shown: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown is not None:
            self._shown[0].stop()

    def __call__(self, read: int) -> None:
        self._read += read
        if self._read < LONG or not sys.stderr.isatty():
            return
        bar, task = self._shown = self._shown or self._start()
        bar.update(task, completed=self._read, total=self._total)

    @property
    def _total(self) -> int | None:
        """None where nobody knows: a folder, standard input, a compressed file that has outgrown its size on disk."""
        return self._size if self._size is not None and self._size >= self._read else None

    def _start(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        name = TextColumn(printable(self._path, 40).replace("{", "{{").replace("}", "}}"), markup=False)
        columns = name, BarColumn(), DownloadColumn(), TimeRemainingColumn()
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        bar.start()
        return bar, bar.add_task("", total=self._total)
