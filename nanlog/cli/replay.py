"""``nanlog replay``."""

from __future__ import annotations

import click

from nanlog.cli._runs import RUN, store_option

EPILOG = """\b
Exit codes:
  0    a cause is confirmed, or all steps stayed finite and no log says otherwise
  1    reproduced or suspected, and no cause is confirmed; --scan-inputs: a sample is suspect
  2    wrong usage, or a target that cannot be used
  3    the checkpoint could not be read, or nothing could be run
  130  interrupted; what is known by then is printed

\b
Examples:
  nanlog replay --checkpoint last.pt --target replay_target.py
  nanlog replay --checkpoint last.pt --target train.py:make --steps 400:420
  nanlog replay --checkpoint last.pt --target train.py:make --vary lr/10,clip
  nanlog replay --checkpoint last.pt --target pkg.train:make --format json
docs/replay.md shows what a target is: a function of ten lines.
"""
DEVICES = click.Choice(["auto", "cuda", "mps", "cpu"])
COLOURS = click.Choice(["auto", "always", "never"])
FILE = click.Path(dir_okay=False)
TARGET = "Function that returns model, optimizer, loss and batches; target() where no NAME is given."
RUN_HELP = "The diagnosed run whose causes are tested: an id, its beginning, or a log.  [default: the latest]"
TRUST = "Unpickle the checkpoint even if that runs code from it."


@click.command(epilog=EPILOG, short_help="Confirm the cause: run the steps again, one thing changed.")
@click.option("--checkpoint", metavar="CKPT", required=True, type=click.Path(), help="State before the suspect steps.")
@click.option("--target", metavar="FILE[:NAME]|MODULE:NAME", help=TARGET)
@click.option("--run", "run_word", metavar="ID", type=RUN, help=RUN_HELP)
@click.option("--no-run", is_flag=True, help="Take no run from the store: the checkpoint and the target suffice.")
@click.option("--steps", metavar="A:B", help="The suspect steps, counted from 0.  [default: from the run's onset]")
@click.option("--batches", metavar="FILE", type=FILE, help="The batches, saved with torch.save: a list, or by step.")
@click.option("--device", type=DEVICES, default="auto", show_default=True, help="Where to run.")
@click.option("--vary", metavar="NAMES", default="all", show_default=True, help="Interventions, with commas between.")
@click.option("--budget", metavar="TIME", default="10m", show_default=True, help="Time for all: 90s, 5m, 1h.")
@click.option("--scan-inputs", is_flag=True, help="Only look at all batches for bad samples, without the model.")
@click.option("--bundle", metavar="DIR", type=click.Path(file_okay=False), help="Write a minimal reproduction to DIR.")
@click.option("--skip-list", metavar="FILE", type=FILE, help="Write the batches to skip on resume to FILE.")
@click.option("--trust-checkpoint", "trust", is_flag=True, help=TRUST)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format."
)
@click.option("-v", "--verbose", is_flag=True, help="Show what the training prints, all trials and all reasons.")
@click.option("--output", metavar="FILE", type=FILE, help="Write the answer to FILE.")
@click.option("--color", "--colour", "colour", type=COLOURS, default="auto", show_default=True, help="Colour the text.")
@store_option
@click.pass_context
def replay(ctx: click.Context, /, **options: object) -> None:
    """Run the steps in which a training died again, from a checkpoint, and change one thing at a time.

    The training runs in a process of its own.  By default the causes that the latest diagnosed run makes likely are
    tested in their order.
    """
    from nanlog.cli._replay import answered

    ctx.exit(answered(options))
