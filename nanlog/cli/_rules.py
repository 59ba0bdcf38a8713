"""The documentation of the rules, for a terminal."""

from __future__ import annotations

import difflib
import inspect
import re
import shutil
from collections.abc import Iterator

import click

from nanlog.engine import rule_text, rules
from nanlog.errors import UsageError

__all__ = ["explanation", "listing", "width"]

_WIDEST = 100


def listing() -> str:
    """One line for each rule: its name and the first line of its documentation."""
    formatter = click.HelpFormatter(width=width())
    formatter.write_dl([(rule.name, _plain(rule_text(rule.name).strip().partition("\n")[0])) for rule in rules()])
    return formatter.getvalue().rstrip("\n")


def explanation(name: str) -> str:
    """The documentation of one rule, wrapped; raises :class:`~nanlog.errors.UsageError` for any other name."""
    names = [rule.name for rule in rules()]
    if name not in names:
        close = difflib.get_close_matches(name.lower().replace("-", "_"), names, 1)
        advice = f"did you mean: nanlog explain {close[0]}" if close else "nanlog explain lists all of them"
        raise UsageError(f"there is no rule {name!r}; {advice}")
    return "\n".join([click.style(name, bold=True), *_wrapped(inspect.cleandoc(rule_text(name)))])


def _wrapped(text: str) -> Iterator[str]:
    """Paragraphs at the width of the terminal; a line at the margin that heads an indented block is a heading."""
    for block in re.split(r"\n\s*\n", text):
        first, _, rest = block.partition("\n")
        if rest and not first.startswith(" ") and rest.startswith(" "):
            yield from ("", click.style(first, bold=True), _paragraph(rest, "    "))
        else:
            yield _paragraph(block, "    " if block.startswith(" ") else "")


def _paragraph(text: str, indent: str) -> str:
    words = " ".join(_plain(text).split())
    return click.wrap_text(words, width(), initial_indent=indent, subsequent_indent=indent)


def _plain(text: str) -> str:
    return text.replace("``", "")


def width() -> int:
    """Columns for a text: those of the terminal, but not more than are pleasant to read."""
    return min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
