"""``nanlog compare``."""

from __future__ import annotations

import click

from nanlog.cli._options import colour_option, format_option, verbose_option
from nanlog.cli._runs import RUN, keep_options

EPILOG = """\b
Curves part where one is NaN or infinite and the other is not, or where they
are further apart than 4 times their scatter for 5 common points in a row;
docs/store.md says how that is measured.

\b
Exit codes:
  0  compared, whatever came of it
  2  wrong usage, or several runs that begin so
  3  no such run, or one that cannot be read

\b
Examples:
  nanlog compare lr0.1-train lr0.01-train          two runs of the store
  nanlog compare runs/a/train.log runs/b/train.log
  nanlog compare -v before.log after.log           every fact and every series
  nanlog compare a.log b.log --format json | jq '.series[] | select(.parts)'
"""


@click.command(epilog=EPILOG, short_help="Which facts differ, where curves part.")
@click.argument("a", metavar="A", type=RUN)
@click.argument("b", metavar="B", type=RUN)
@format_option(("text", "json"), "the comparison")
@verbose_option("Show every fact and every series.")
@colour_option
@keep_options
def compare(
    a: str,
    b: str,
    form: str,
    verbose: bool,
    colour: str,
    store: str | None,
    no_store: bool,
    format_in: str | None,
) -> None:
    """Compare two runs: verdicts, settings and net, where their curves part, which went bad first.

    A and B are ids from the store, beginnings of them, or logs, which are read and diagnosed.
    """
    from nanlog.cli._output import report_stream, style_for
    from nanlog.cli._runs import resolve_run
    from nanlog.compare import compare as compared
    from nanlog.compare.as_json import as_json
    from nanlog.compare.text import write

    sides = [resolve_run(word, store, keep=not no_store, format_in=format_in) for word in (a, b)]
    found = compared(sides[0].report, sides[1].report)
    with report_stream(None, ()) as out:
        if form == "json":
            out.write(as_json(found, (sides[0].run_id, sides[1].run_id)) + "\n")
        else:
            write(
                found,
                (sides[0].run_id or "not kept", sides[1].run_id or "not kept"),
                out,
                style_for(out, colour, verbose=verbose),
            )
