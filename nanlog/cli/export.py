"""``nanlog export``."""

from __future__ import annotations

import click

from nanlog.cli._options import force_option, out_option
from nanlog.cli._runs import RUN, keep_options

EPILOG = """\b
Columns, one row for each value that was logged:
  series   loss, lr, grad_norm, data/conv1/conv1, ...
  step     empty where the log dates the value by none
  value    nan, inf and -inf as logged; what was not logged has no row
  line     of the file, from 1
  attempt  which training of the log, from 0
  file
  time     POSIX seconds; empty where the log has none

\b
Exit codes:
  0  written
  2  wrong usage, several runs that begin so, or a file that is there already
  3  no such run or series, or a run that cannot be read

\b
Examples:
  nanlog export --csv                     the run saved last, to <run id>.csv
  nanlog export lr0.1-train --parquet --out run.parquet
  nanlog export --csv --series loss --series "grad_norm*" --out - | head
  nanlog export runs/lr0.1/train.log --out lr0.1.csv
"""
SERIES = "Only series of this name, or that match it: loss, 'data/*' (repeat it for more)."


@click.command(epilog=EPILOG, short_help="The values of a run as CSV or Parquet.")
@click.argument("run", metavar="[RUN|PATH]", required=False, type=RUN)
@click.option("--csv", "form", flag_value="csv", help="Write CSV; the default, unless FILE ends in .parquet.")
@click.option("--parquet", "form", flag_value="parquet", help="Write Parquet.")
@click.option("--series", metavar="GLOB", multiple=True, help=SERIES)
@out_option("Write to FILE, - for standard output.  [default: <run id>.csv or .parquet]")
@force_option
@keep_options
def export(
    run: str | None,
    form: str | None,
    series: tuple[str, ...],
    out: str | None,
    force: bool,
    store: str | None,
    no_store: bool,
    format_in: str | None,
) -> None:
    """Write every value of a run, in long form, to one file that other programs read.

    RUN is an id from the store, or the beginning of one; PATH is a log, which is read and diagnosed.  Without either
    it is the run that was saved last.
    """
    from nanlog.cli._export import form_of, points_of
    from nanlog.cli._new_file import named_after, new_file
    from nanlog.cli._runs import resolve_run
    from nanlog.store.export import WRITERS

    form = form_of(form, out)
    chosen = resolve_run(run, store, keep=not no_store, format_in=format_in)
    points = points_of(chosen, series)
    out = out or named_after(chosen, f".{form}")
    with new_file(out, chosen, force=force) as file:
        rows = WRITERS[form](points, file)
    if out != "-":
        said = "1 value is" if rows == 1 else f"{rows:,} values are"
        click.echo(f"{said} in {click.format_filename(out)}", err=True)
