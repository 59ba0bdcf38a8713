"""Options that several commands have, under the same names and with the same words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

__all__ = ["colour_option", "force_option", "format_option", "out_option", "output_option", "verbose_option"]

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]

_OUT = ("-o", "--out", "--output")
_FILE = click.Path(allow_dash=True)
_COLOURS = click.Choice(["auto", "always", "never"])
_COLOUR = "Colour the text; auto does on a terminal unless NO_COLOR is set."


def format_option(forms: Sequence[str], what: str) -> Decorator[Any]:
    """``--format``: how ``what`` is written."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default="text", show_default=True, help=f"Format of {what}."
    )


def verbose_option(shown: str) -> Decorator[Any]:
    return click.option("-v", "--verbose", is_flag=True, help=shown)


def colour_option(command: Command) -> Command:
    """``--color`` and ``--colour``; the value is what :func:`nanlog.cli._output.style_for` takes."""
    decorate = click.option(
        "--color", "--colour", "colour", type=_COLOURS, default="auto", show_default=True, help=_COLOUR
    )
    return decorate(command)


def out_option(what: str) -> Decorator[Any]:
    """``--out`` for a new file; the value is what :func:`nanlog.cli._new_file.new_file` takes, or None."""
    return click.option(*_OUT, "out", metavar="FILE", type=_FILE, help=what)


def force_option(command: Command) -> Command:
    return click.option("--force", is_flag=True, help="Replace FILE if it is there already.")(command)


def output_option(command: Command) -> Command:
    """``--output`` for a report, in whose place anything goes that is no log."""
    return click.option(*_OUT, "output", metavar="FILE", type=_FILE, help="Write the report to FILE.")(command)
