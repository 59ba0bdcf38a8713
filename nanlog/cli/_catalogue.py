"""The rules nanlog judges by, in short, for a terminal and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from nanlog.cli._rules import sentence, width
from nanlog.model import Rule
from nanlog.report import printable
from nanlog.report._words import series_words

__all__ = ["as_json", "as_text"]

_LONGEST = 400
_OWN = "nanlog.rules."


def as_text(rules: Sequence[Rule]) -> str:
    """Name, cause, sentence and needs; one below the other, wrapped at the width of the terminal."""
    return "\n\n".join("\n".join(_entry(rule)) for rule in rules)


def as_json(rules: Sequence[Rule]) -> str:
    entries = [
        {
            "name": rule.name,
            "cause": str(rule.cause),
            "title": sentence(rule),
            "needs": list(rule.needs),
            "plugin": _plugin(rule),
        }
        for rule in rules
    ]
    return json.dumps({"schema_version": 1, "rules": entries}, indent=2)


def _entry(rule: Rule) -> list[str]:
    plugin = _plugin(rule)
    name = click.style(printable(rule.name), bold=True)
    mark = "" if plugin is None else f"  plug-in {printable(plugin)}"
    cause = "" if str(rule.cause) == rule.name else f"  cause {rule.cause}"
    needs = ", ".join(dict.fromkeys(map(series_words, rule.needs)))
    return [
        name + cause + mark,
        _wrapped(sentence(rule), "    "),
        *([_wrapped(f"needs: {needs}", "    ", "           ")] if needs else []),
    ]


def _plugin(rule: Rule) -> str | None:
    """The module of a rule that another distribution brought; None for those of nanlog."""
    module = str(getattr(rule, "module", None) or type(rule).__module__)
    return None if module.startswith(_OWN) else module


def _wrapped(text: str, first: str, rest: str = "    ") -> str:
    return click.wrap_text(printable(text, _LONGEST), width(), initial_indent=first, subsequent_indent=rest)
