"""``nanlog plot``."""

from __future__ import annotations

from typing import Any

import click

from nanlog.cli._options import force_option, out_option
from nanlog.cli._runs import RUN, keep_options
from nanlog.cli._steps import stretch

EPILOG = """\b
Exit codes:
  0  drawn, whatever the run is like
  2  wrong usage, several runs that begin so, or a file that is there already
  3  no such run, one that cannot be read, or a log without what was asked for

\b
Examples:
  nanlog plot                 loss, rate, gradient norm of the run saved last
  nanlog plot train.log       of a log that is read now
  nanlog plot train-6eq --grad-norms --around-onset 50
  nanlog plot train.log --loss --lr --steps 900: --out blow-up.svg
  nanlog plot train.log --series 'val/*' --series 'metric/acc*'
  nanlog plot train.log --all --out all.pdf
  ssh -t host nanlog plot train.log --terminal
"""
COUNT = click.IntRange(min=0)
GLOB = "Series by name, or by what the framework called them; * matches anything. Repeat it for more."
AROUND = "Only so many steps before and after the onset."


@click.command(epilog=EPILOG, short_help="Pictures: loss, rate, gradients, layers.")
@click.argument("run", metavar="[RUN|PATH]", required=False, type=RUN)
@click.option("--loss", is_flag=True, help="Training loss, its parts and averages, and losses of evaluations.")
@click.option("--lr", is_flag=True, help="Learning rate.")
@click.option("--grad-norms", is_flag=True, help="Gradient norm, and the gradients of each layer.")
@click.option("--params", is_flag=True, help="Sizes of the parameters.")
@click.option("--activations", is_flag=True, help="Sizes of what the layers put out.")
@click.option("--ratio", is_flag=True, help="Size of each update beside that of its parameter.")
@click.option("--all", is_flag=True, help="All of these that the log has, and its metrics.")
@click.option("--series", "globs", metavar="GLOB", multiple=True, help=GLOB)
@click.option("--steps", metavar="A:B", type=stretch, help="Only these steps; either end may be left away.")
@click.option("--around-onset", metavar="N", type=COUNT, help=AROUND)
@click.option("--attempt", metavar="K", type=COUNT, help="Only training K of a log that holds several, from 0.")
@out_option("PNG, SVG or PDF by its ending.  [default: <run id>-<what>.png]")
@force_option
@click.option("--show", is_flag=True, help="Open a window instead of writing a file.")
@click.option("--terminal", is_flag=True, help="Draw with characters, on standard output.")
@keep_options
def plot(run: str | None, format_in: str | None, store: str | None, no_store: bool, **options: Any) -> None:
    """Draw a run, with every NaN in plain sight and a line where it began.

    RUN is an id from the store, or the beginning of one; PATH is a log, which is read and diagnosed.  Without either
    it is the run that was saved last.  Several pictures stand one below the other over the same steps; without any of
    them it is the overview.
    """
    from nanlog.cli._pictures import draw, wanted
    from nanlog.cli._plugins import name_broken_plugins
    from nanlog.cli._runs import resolve_run

    name_broken_plugins()
    request = wanted(options)
    draw(resolve_run(run, store, keep=not no_store, format_in=format_in), request)
