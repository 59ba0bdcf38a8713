"""``nanlog runs``."""

from __future__ import annotations

import click

from nanlog.cli._options import colour_option, format_option
from nanlog.cli._runs import store_option

EPILOG = """\b
Columns: id, verdict, what happened and at which step, the likeliest cause,
when it was saved, dialect and points, source. JSON and CSV name them.

\b
Exit codes:
  0  listed, even if there is nothing to list; damaged entries are named
  2  wrong usage
  3  the store cannot be read

\b
Examples:
  nanlog runs
  nanlog runs --unhealthy "*/lr0.1/*"
  nanlog runs -n 5
  nanlog runs --format json | jq -r '.runs[].run_id'
"""


@click.command(epilog=EPILOG, short_help="The runs that are kept, newest first.")
@click.argument("glob", metavar="[GLOB]", required=False)
@click.option("--unhealthy", is_flag=True, help="Only runs that failed.")
@click.option("-n", "--newest", metavar="N", type=click.IntRange(1), help="Only the N that were saved last.")
@format_option(("text", "json", "csv"), "the list")
@colour_option
@store_option
def runs(glob: str | None, unhealthy: bool, newest: int | None, form: str, colour: str, store: str | None) -> None:
    """List the runs in the store, the newest first.

    GLOB chooses runs by their source or id; a word without wildcards may stand anywhere in them.
    """
    from datetime import UTC, datetime

    from nanlog.cli._group import complain
    from nanlog.cli._listing import as_csv, as_json, as_text, chosen, nothing
    from nanlog.cli._output import report_stream, style_for
    from nanlog.cli._runs import root_of
    from nanlog.store import contents

    root = root_of(store)
    stored, damaged = contents(root)
    found = chosen(stored, glob, unhealthy=unhealthy)[:newest]
    with report_stream(None, ()) as out:
        if form == "json":
            out.write(as_json(root, found, damaged) + "\n")
        elif form == "csv":
            out.write(as_csv(found))
        elif found:
            style, now = style_for(out, colour, verbose=False), datetime.now(UTC)
            out.write(as_text(found, style, now, window=out.isatty()))
        elif not damaged:
            out.write(nothing(root, len(stored)) + "\n")
    for entry in damaged:
        complain(f"warning: {entry.why}")
