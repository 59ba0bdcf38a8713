"""What a shell may offer for an argument (see ``nanlog completion``)."""

from __future__ import annotations

import click

__all__ = ["dialect_names", "rule_names"]


def dialect_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from nanlog.registry import parsers

    return [parser.name for parser in parsers() if parser.name.startswith(incomplete)]


def rule_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from nanlog.engine import rules

    return [rule.name for rule in rules() if rule.name.startswith(incomplete)]
