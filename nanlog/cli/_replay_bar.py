"""What a replay is doing, on standard error: a bar on a terminal, what the user's code prints when asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from nanlog.report import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["ReplayBar"]


class ReplayBar:
    """Shown on a terminal only, and gone at the end."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._begun = b""  # of a line
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            said = TextColumn("{task.description}", markup=False)
            aside = TextColumn("{task.fields[aside]}", style="dim", markup=False)
            columns = SpinnerColumn(), said, BarColumn(bar_width=20), TimeElapsedColumn(), aside
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("starting the worker", total=None, aside="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, event: str, content: Mapping[str, Any]) -> None:
        """Show what a message says."""
        if self._bar is None or self._task is None:
            return
        if event == "stage":
            self._bar.reset(
                self._task, description=printable(content["says"], 60), total=content.get("total"), aside=""
            )
        elif event == "trying":
            self._bar.update(self._task, aside=printable(content["title"], 40))
        elif event in ("trial", "not_run"):
            self._bar.advance(self._task)
        elif event == "step":
            self._bar.advance(self._task)
            self._bar.update(self._task, aside=printable(f"step {content['step']}, loss {_short(content['loss'])}", 40))

    def relay(self, chunk: bytes) -> None:
        """What the user's code prints, when it is wanted."""
        *lines, self._begun = (self._begun + chunk).split(b"\n")
        if self._verbose and sys.stderr is not None:
            for line in (each.decode("utf-8", "replace").rstrip("\r") for each in lines):
                click.echo(printable(line, 2000), err=True)


def _short(loss: object) -> str:
    return f"{loss:.4g}" if isinstance(loss, float) else str(loss)
