"""``nanlog diagnose``."""

from __future__ import annotations

import click

from nanlog.cli._config import outranks, with_config
from nanlog.cli._fail_on import LEVELS, exit_code
from nanlog.cli._known import DIALECT, RULE
from nanlog.cli._options import colour_option, output_option
from nanlog.report import FORMATS

EPILOG = """\b
Exit codes:
  0  healthy: no NaN, or only one that does no harm
  1  unhealthy
  2  wrong usage, or a configuration that is wrong
  3  could not be read or judged
With several paths the worst of them counts: 1, then 3, then 0.

\b
What --fail-on makes of it, each level besides what those before it do:
  never         0 whatever the logs say; 3 only for a path that cannot be read
  unhealthy     1 for an unhealthy run
  cannot-judge  1 for a run that was read and cannot be judged
  harmless      1 for a NaN that does no harm: an update that a scaler skipped

\b
Examples:
  nanlog diagnose train.log
  nanlog diagnose -v train.log.gz                all evidence, all causes
  nanlog diagnose runs/a runs/b                  two runs, each in a folder
  nanlog diagnose "logs/**/*.log"                every log below logs
  ssh host cat train.log | nanlog diagnose -
  nanlog diagnose --fail-on harmless train.log   in CI: no NaN at all
  nanlog diagnose --skip software_bug train.log
  nanlog diagnose --format json train.log | jq '.reports[0].onset'
"""
FORMAT = click.Choice(FORMATS)
FOLDER = click.Path(file_okay=False)
FILE = click.Path(dir_okay=False)
FAIL_ON = click.Choice(LEVELS)
IN = "Read the log as this dialect (for example caffe) instead of recognising it."
STORE = "Folder to keep the runs in.  [default: NANLOG_STORE, else .nanlog]"
FAIL = "Exit with 1 for this and for what is worse; see below."
ONLY = "Judge by this rule alone (repeat it for more); nanlog rules lists them."
SKIP = "Judge without this rule; it has no part in the confidence of the others."
CONFIG = "Take options from FILE, not from the nearest nanlog.toml or pyproject.toml."


@click.command(epilog=EPILOG, short_help="Did it go NaN, when, why, what now?")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option("--format", "format_", type=FORMAT, default="text", show_default=True, help="Format of the report.")
@click.option("-v", "--verbose/--no-verbose", help="Show all causes, all evidence and what was not judged.")
@click.option("--format-in", metavar="NAME", type=DIALECT, help=IN)
@click.option("--only", metavar="RULE", type=RULE, multiple=True, help=ONLY)
@click.option("--skip", metavar="RULE", type=RULE, multiple=True, help=SKIP)
@click.option("--fail-on", type=FAIL_ON, default="unhealthy", show_default=True, help=FAIL)
@click.option("--store", metavar="DIR", type=FOLDER, envvar="NANLOG_STORE", help=STORE)
@click.option("--no-store", is_flag=True, help="Do not keep what was read.")
@output_option
@colour_option
@click.option("--no-config", is_flag=True, is_eager=True, expose_value=False, help="Take no options from a file.")
@click.option(
    "--config", metavar="FILE", type=FILE, is_eager=True, callback=with_config, help=CONFIG, expose_value=False
)
@click.pass_context
def diagnose(
    ctx: click.Context,
    paths: tuple[str, ...],
    format_: str,
    verbose: bool,
    format_in: str | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    fail_on: str,
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
    from nanlog.cli._rules import chosen
    from nanlog.report import reporter
    from nanlog.store import store_root

    name_broken_plugins()
    keeps = not no_store or outranks(ctx, "store", "no_store")
    rules = chosen(only, () if outranks(ctx, "only", "skip") else skip)
    sources = expanded(paths)
    answers = Answers(sources, format_in, store_root(store) if keeps else None, rules)
    with report_stream(output, sources) as out:
        reporter(format_).write(answers, out, style_for(out, colour, verbose=verbose))
    ctx.exit(exit_code(answers.outcomes, fail_on))
