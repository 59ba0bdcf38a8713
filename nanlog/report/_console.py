"""Where lines of text are printed: a terminal, a file or a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console_for"]


def console_for(out: TextIO, width: int, *, colour: bool) -> Console:
    """A console that takes nothing it is given for markup, and colours only where ``colour`` says so."""
    from rich.console import Console

    class Literal(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the program with exit code 1, which says "unhealthy" here

    return Literal(
        file=out,
        width=width,
        force_terminal=colour,
        force_jupyter=False,
        color_system="standard" if colour else None,
        no_color=not colour,
        legacy_windows=False,
        markup=False,
        highlight=False,
        emoji=False,
    )
