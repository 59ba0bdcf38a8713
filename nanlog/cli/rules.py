"""``nanlog rules``."""

from __future__ import annotations

import click

FORM = click.Choice(["text", "json"])


@click.command(short_help="The causes it knows, and what each needs.")
@click.option("--format", "form", type=FORM, default="text", show_default=True, help="Format of the list.")
def rules(form: str) -> None:
    """List the rules that nanlog judges by, those of plug-ins included, and what each has to see in a log.

    The cause is named where it is not the rule's own name. To read all about one: nanlog explain RULE.

    \b
    Examples:
      nanlog rules
      nanlog rules --format json | jq -r '.rules[].name'
      nanlog diagnose --only lr_too_high --only fp16_overflow train.log
    """
    from nanlog.cli._catalogue import as_json, as_text
    from nanlog.cli._plugins import name_broken_plugins
    from nanlog.engine import rules as known

    name_broken_plugins()
    click.echo(as_json(known()) if form == "json" else as_text(known()))
