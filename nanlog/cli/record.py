"""``nanlog record``."""

from __future__ import annotations

import click

EPILOG = """\b
The exit code is that of the script; 2 for wrong usage, when nothing was run.

\b
Examples:
  nanlog record train.py --epochs 3
  nanlog record -m pkg.train --config small.yaml
  nanlog record --probe-from 410 train.py --epochs 3
  nanlog record --locate --target replay_target.py train.py
docs/record.md tells what is kept, what it costs, and how to record from inside of a loop.
"""
SCRIPT_FIRST = {"ignore_unknown_options": False, "allow_interspersed_args": False}
FOLDER = click.Path(file_okay=False)
FROM = "Look into every operator from this step on (slow), until something is not finite."
FIRST = "Look into every operator for so long when the training begins."
LOCATE = "Run the script a second time, silently, to find the operator, where the first run did not."
STATES = "Steps between two states on disk.  [default: as takes 2 % of the time]"
OUTPUT = "Folder for log and bundle.  [default: nanlog-record/SCRIPT, numbered]"


@click.command(
    epilog=EPILOG,
    context_settings=SCRIPT_FIRST,
    short_help="Run a training script with the flight recorder on.",
)
@click.option("-m", "module", is_flag=True, help="SCRIPT is a module, as in python -m.")
@click.option("--probe-from", metavar="STEP", type=click.IntRange(min=0), help=FROM)
@click.option(
    "--probe-first", metavar="SECONDS", type=click.FloatRange(min=0), default=10.0, show_default=True, help=FIRST
)
@click.option("--locate", is_flag=True, help=LOCATE)
@click.option("--stop", is_flag=True, help="End the script (exit code 1) at the first step that is not finite.")
@click.option("--target", metavar="FILE[:NAME]|MODULE:NAME", help="What nanlog replay will need; kept in the bundle.")
@click.option("--output", metavar="DIR", type=FOLDER, help=OUTPUT)
@click.option(
    "--memory", metavar="MB", type=click.FloatRange(min=0), default=1024.0, show_default=True, help="For batches."
)
@click.option("--batches", metavar="K", type=click.IntRange(min=1), help="Keep so many steps' batches at most.")
@click.option("--state-every", metavar="N", type=click.IntRange(min=1), help=STATES)
@click.option(
    "--layers-every",
    metavar="N",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Steps between two lines with the gradient norm of each layer; 0: none.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing at the end.")
@click.argument("script")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def record(script: str, args: tuple[str, ...], **options: object) -> None:
    """Run SCRIPT with its ARGS unchanged, and keep what a replay needs if it goes NaN.

    A log with loss, rate and gradient norms of each step is written all the while.  At the first loss, gradient or
    parameter that is not finite a bundle is: the state before, the batches since and the random numbers.
    """
    from nanlog.cli._record import become

    become(script, args, options)
