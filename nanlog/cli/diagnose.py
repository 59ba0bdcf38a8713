"""``nanlog diagnose``."""

from __future__ import annotations

import click

from nanlog.cli._complete import dialect_names
from nanlog.report import FORMATS

EPILOG = """\b
Exit codes:
  0  healthy: no NaN, or only one that does no harm
  1  unhealthy
  2  wrong usage
  3  could not be read or judged
With several paths the worst of them counts: 1, then 3, then 0.

\b
Examples:
  nanlog diagnose train.log
  nanlog diagnose -v train.log.gz              all evidence, all causes
  nanlog diagnose runs/a runs/b                two runs, each in a folder
  nanlog diagnose "logs/**/*.log"              every log below logs
  ssh host cat train.log | nanlog diagnose -
  nanlog diagnose --format json train.log | jq '.reports[0].onset'
"""
FORMAT = click.Choice(FORMATS)
COLOURS = click.Choice(["auto", "always", "never"])
FOLDER = click.Path(file_okay=False)
FILE = click.Path(dir_okay=False)
IN = "Read the log as this dialect (for example caffe) instead of recognising it."
STORE = "Folder to keep the runs in.  [default: NANLOG_STORE, else .nanlog]"
COLOUR = "Colour the text; auto does on a terminal unless NO_COLOR is set."


@click.command(epilog=EPILOG, short_help="Did it go NaN, when, why, what now?")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option("--format", "format_", type=FORMAT, default="text", show_default=True, help="Format of the report.")
@click.option("-v", "--verbose", is_flag=True, help="Show all causes, all evidence and what was not judged.")
@click.option("--format-in", metavar="NAME", shell_complete=dialect_names, help=IN)
@click.option("--store", metavar="DIR", type=FOLDER, help=STORE)
@click.option("--no-store", is_flag=True, help="Do not keep what was read.")
@click.option("--output", metavar="FILE", type=FILE, help="Write the report to FILE.")
@click.option("--color", "--colour", "colour", type=COLOURS, default="auto", show_default=True, help=COLOUR)
@click.pass_context
def diagnose(
    ctx: click.Context,
    paths: tuple[str, ...],
    format_: str,
    verbose: bool,
    format_in: str | None,
    store: str | None,
    no_store: bool,
    output: str | None,
    colour: str,
) -> None:
    """Say whether a training went NaN, when, why, and what to do now.

    Each PATH is one run: a log file (plain or compressed), a folder whose files belong together, or - for standard
    input.  A quoted pattern such as "logs/*.log" stands for every path that it matches.
    """
    from nanlog.cli._answers import Answers
    from nanlog.cli._output import report_stream, style_for
    from nanlog.cli._paths import expanded
    from nanlog.cli._plugins import name_broken_plugins
    from nanlog.report import reporter
    from nanlog.store import store_root

    name_broken_plugins()
    sources = expanded(paths)
    answers = Answers(sources, format_in, None if no_store else store_root(store))
    with report_stream(output, sources) as out:
        reporter(format_).write(answers, out, style_for(out, colour, verbose=verbose))
    ctx.exit(answers.exit_code)
