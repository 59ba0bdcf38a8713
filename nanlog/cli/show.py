"""``nanlog show``."""

from __future__ import annotations

import click

from nanlog.cli._options import colour_option, format_option, output_option, verbose_option
from nanlog.cli._runs import RUN, keep_options
from nanlog.report import FORMATS

EPILOG = """\b
Exit codes:
  0  shown, whatever the verdict is; nanlog diagnose has one for CI
  2  wrong usage, or several runs that begin so
  3  no such run, or one that cannot be read

\b
Examples:
  nanlog show                       the run that was saved last
  nanlog show lr0.1-train           the beginning of an id is enough
  nanlog show -v lr0.1-train        all evidence, all causes
  nanlog show --format json | jq '.reports[0].onset'
"""


@click.command(epilog=EPILOG, short_help="The report of a stored run, again.")
@click.argument("run", metavar="[RUN|PATH]", required=False, type=RUN)
@format_option(FORMATS, "the report")
@verbose_option("Show all causes, all evidence and what was not judged.")
@output_option
@colour_option
@keep_options
def show(
    run: str | None,
    form: str,
    verbose: bool,
    output: str | None,
    colour: str,
    store: str | None,
    no_store: bool,
    format_in: str | None,
) -> None:
    """Print the report of a run as nanlog diagnose printed it; its log is not read again.

    RUN is an id from the store, or the beginning of one; PATH is a log, which is read and diagnosed.  Without either
    it is the run that was saved last.
    """
    from nanlog.cli._output import report_stream, style_for
    from nanlog.cli._runs import resolve_run
    from nanlog.report import reporter

    chosen = resolve_run(run, store, keep=not no_store, format_in=format_in)
    report = chosen.report
    with report_stream(output, [report.run.source]) as out:
        reporter(form).write([report], out, style_for(out, colour, verbose=verbose))
