"""A group whose commands are the modules of a folder, and the one place where errors become exit codes."""

from __future__ import annotations

import difflib
import errno
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from nanlog.errors import NanlogError
from nanlog.report import printable

__all__ = ["CommandFolder", "complain"]

INTERRUPTED = 130
BROKEN_PIPE = 141  # as a shell reports a program that SIGPIPE ended
_LONGEST = 2000
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def complain(sentence: str) -> None:
    """Print one sentence on standard error; what it quotes cannot steer the terminal."""
    click.echo(f"nanlog: {printable(sentence, _LONGEST)}", err=True)


class CommandFolder(click.Group):
    """Imports a command when it is asked for."""

    def __init__(self, *args: Any, folder: Iterable[str] = (), package: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self._folder = list(folder)
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name for module in pkgutil.iter_modules(self._folder) if module.name[0] != "_")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = getattr(import_module(f"{self._package}.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            ctx.fail(self._advice(ctx, word))
        return super().resolve_command(ctx, args)

    def _advice(self, ctx: click.Context, word: str) -> str:
        shown = printable(word, 200)
        if Path(word).exists():
            return f"{shown} is a path, not a command. To have it diagnosed: nanlog diagnose {shown}"
        close = difflib.get_close_matches(word, self.list_commands(ctx), 1)
        return f"There is no command {shown!r}." + (f" Did you mean: nanlog {close[0]}" if close else "")

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; every error that is not a bug ends here, in one sentence and an exit code."""
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:  # it is None when the shell closed it: nanlog ... >&-
                sys.stdout.flush()
        except NanlogError as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            complain(str(error))
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            _forget_output()
            ctx.exit(BROKEN_PIPE)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            _forget_output()
            complain(f"the report could not be written: {error.strerror}; make room, or name a file with --output")
            ctx.exit(NanlogError.exit_code)
        return result


def _forget_output() -> None:
    """What is still buffered cannot be written either; without this the interpreter complains about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
