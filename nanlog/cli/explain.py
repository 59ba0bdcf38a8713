"""``nanlog explain``."""

from __future__ import annotations

import click

from nanlog.cli._known import RULE


@click.command(short_help="What a rule looks for, and what to do.")
@click.argument("rule", required=False, type=RULE)
def explain(rule: str | None) -> None:
    """Print what a rule looks for, why it ends in NaN, what to do, and when it may be wrong.

    Without RULE all rules are listed, each with its first sentence; nanlog rules says more of each.

    \b
    Examples:
      nanlog explain
      nanlog explain undefined_gradient
    """
    from nanlog.cli._plugins import name_broken_plugins
    from nanlog.cli._rules import explanation, listing

    name_broken_plugins()
    click.echo(listing() if rule is None else explanation(rule))
