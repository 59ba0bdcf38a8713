"""``nanlog forget``."""

from __future__ import annotations

import click

from nanlog.cli._forget import age
from nanlog.cli._runs import RUN, store_option

EPILOG = """\b
Exit codes:
  0  forgotten, or there was nothing to forget
  1  the question was answered with no
  2  wrong usage, several runs that begin so, or nobody there to ask
  3  no such run, or the store cannot be changed

\b
Examples:
  nanlog forget lr0.1-train              the beginning of an id is enough
  nanlog forget runs/lr0.1/train.log     what was kept of this log
  nanlog forget --older-than 30d
  nanlog forget --all --yes
"""
OLDER = "Only runs that were saved longer ago: 12h, 30d, 8w."


@click.command(epilog=EPILOG, short_help="Remove runs from the store.")
@click.argument("runs", metavar="[RUN...]", nargs=-1, type=RUN)
@click.option("--all", "everything", is_flag=True, help="All runs of the store.")
@click.option("--older-than", metavar="AGE", callback=age, help=OLDER)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@store_option
@click.pass_context
def forget(
    ctx: click.Context, runs: tuple[str, ...], everything: bool, older_than: float | None, yes: bool, store: str | None
) -> None:
    """Remove runs and their reports from the store, and free their space; no log is touched.

    Each RUN is a run id, the beginning of one, or the path of a log that was kept.
    """
    from nanlog.cli._forget import agreed, condemned, remove
    from nanlog.cli._runs import root_of

    root = root_of(store)
    doomed = condemned(root, runs, everything=everything, older_than=older_than)
    if not doomed:
        click.echo("There is nothing to forget.")
    elif agreed(doomed, yes=yes):
        click.echo(remove(root, doomed))
    else:
        click.echo("Nothing was forgotten.")
        ctx.exit(1)
