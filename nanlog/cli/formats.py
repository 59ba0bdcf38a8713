"""``nanlog formats``."""

from __future__ import annotations

import click

FORM = click.Choice(["text", "json"])


@click.command(short_help="Which logs are read, and what each gives.")
@click.option("--format", "form", type=FORM, default="text", show_default=True, help="Format of the list.")
def formats(form: str) -> None:
    """List the dialects that nanlog reads, those of plug-ins included, and what can be had from each.

    A log is recognised by its content. To have it read as one of these: nanlog diagnose --format-in NAME.

    \b
    Examples:
      nanlog formats
      nanlog formats --format json | jq -r '.formats[].name'
      nanlog diagnose --format-in caffe train.log
    """
    from nanlog.cli._formats import as_json, as_text
    from nanlog.cli._plugins import name_broken_plugins
    from nanlog.registry import parsers

    name_broken_plugins()
    click.echo(as_json(parsers()) if form == "json" else as_text(parsers()))
