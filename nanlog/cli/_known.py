"""Words on the command line that must be the name of something: what a shell may offer, and what was meant instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from nanlog.errors import UsageError

__all__ = ["DIALECT", "RULE", "meant"]


def meant(word: str, names: list[str]) -> str | None:
    """The name that comes nearest to ``word``, unless none is near."""
    return next(iter(difflib.get_close_matches(word.lower().replace("-", "_"), names, 1)), None)


class KnownName(StringParamType):
    """One of ``names()``, which are looked up when they are needed; ``command`` lists them."""

    def __init__(self, kind: str, names: Callable[[], list[str]], command: str) -> None:
        self.name = kind
        self._names = names
        self._command = command

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as it is; raises :class:`~nanlog.errors.UsageError` with the nearest for any other word."""
        from nanlog.cli._plugins import name_broken_plugins

        names = self._names()
        if value in names:
            return str(value)
        name_broken_plugins()  # it may be the name of one
        near, before = meant(value, names), _before(param, ctx)
        advice = f"{self._command} lists all of them" if near is None else f"did you mean: {before}{near}"
        raise UsageError(f"there is no {self.name} {value!r}; {advice}")

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in self._names() if name.startswith(incomplete)]


def _before(param: click.Parameter | None, ctx: click.Context | None) -> str:
    """What is typed before the name; nothing where it does not come from a command line."""
    if ctx is None:
        return ""
    option = f"{param.opts[0]} " if isinstance(param, click.Option) else ""
    return f"{ctx.command_path} {option}"


def _dialects() -> list[str]:
    from nanlog.registry import parsers

    return [parser.name for parser in parsers()]


def _rules() -> list[str]:
    from nanlog.engine import rules

    return [rule.name for rule in rules()]


DIALECT = KnownName("dialect", _dialects, "nanlog formats")
RULE = KnownName("rule", _rules, "nanlog rules")
