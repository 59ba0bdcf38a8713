"""The command line.  One command per file: a module without ``_`` holds a click command of its own name.

Nothing but click is imported until a command runs.
"""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from typing import NoReturn

import click

from nanlog import __version__
from nanlog.cli._group import CommandFolder, complain

__all__ = ["cli", "main"]

EXAMPLES = """\b
Examples:
  nanlog diagnose train.log
  nanlog diagnose --format json runs/*/train.log
  zcat train.log.gz | nanlog diagnose -
  nanlog explain lr_too_high
"""


@click.group(
    cls=CommandFolder,
    folder=__path__,
    package=__name__,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--debug", is_flag=True, envvar="NANLOG_DEBUG", help="Show the traceback of an error (or NANLOG_DEBUG=1)."
)
def cli(debug: bool) -> None:
    """Say when a training went NaN, why, and what to do now, from what it logged."""


def main(program: click.Command = cli) -> NoReturn:
    """Run the program; what is not a NanlogError is a bug of nanlog and is said to be one (exit code 3)."""
    try:
        program(prog_name="nanlog")
    except Exception as bug:  # noqa: BLE001  the last line of defence: a traceback helps nobody whose training died
        if "--debug" in sys.argv or os.environ.get("NANLOG_DEBUG"):
            traceback.print_exc()
        again = shlex.join(["nanlog", "--debug", *sys.argv[1:]])
        complain(f"this is a bug in nanlog, not in your log ({type(bug).__name__}); for its traceback, run: {again}")
    sys.exit(3)
