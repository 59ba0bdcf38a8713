"""``nanlog report``."""

from __future__ import annotations

import click

from nanlog.cli._options import force_option, out_option
from nanlog.cli._runs import RUN, keep_options

EPILOG = """\b
Exit codes:
  0  the report was written, whatever it says
  2  wrong usage, several runs that begin so, or a file that is there already
  3  no such run, or one that cannot be read

\b
Examples:
  nanlog report --html                   the run saved last, to <run id>.html
  nanlog report --html --open train.log  read the log now and show the page
  nanlog report --html train-6eqixpau --out nan.html
  nanlog report --html train.log --out - | ssh host 'cat > nan.html'
"""
HTML = "One self-contained HTML file (what is written without this option, too)."


@click.command(epilog=EPILOG, short_help="The report as one HTML file, with pictures.")
@click.argument("run", metavar="[RUN|PATH]", required=False, type=RUN)
@click.option("--html", is_flag=True, help=HTML)
@out_option("Write to FILE, - for standard output.  [default: <run id>.html]")
@force_option
@click.option("--open", "opens", is_flag=True, help="Show the file in a browser.")
@keep_options
def report(
    run: str | None,
    html: bool,
    out: str | None,
    force: bool,
    opens: bool,
    format_in: str | None,
    store: str | None,
    no_store: bool,
) -> None:
    """Write the report on a run as one HTML file: what went wrong, with the lines that prove it, and pictures.

    RUN is an id from the store, or the beginning of one; PATH is a log, which is read and diagnosed.  Without either
    it is the run that was saved last.  The file needs neither a network nor other files and holds no script.
    """
    from nanlog.cli._pages import extras_of, open_page, write_page
    from nanlog.cli._plugins import name_broken_plugins
    from nanlog.cli._runs import resolve_run
    from nanlog.errors import UsageError
    from nanlog.report.html import page

    if opens and out == "-":
        raise UsageError("--open needs a file: leave --out - away")
    name_broken_plugins()
    chosen = resolve_run(run, store, keep=not no_store, format_in=format_in)
    text = page(chosen.report, extras_of(chosen))
    written = write_page(chosen, text, out, force=force)
    if written is not None:
        click.echo(f"the report is in {click.format_filename(written)}", err=True)
        if opens:
            open_page(written)
