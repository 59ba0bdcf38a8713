"""The rules: which of them take part, and their documentation for a terminal."""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Collection, Iterator

import click

from nanlog.engine import rule_text, rules
from nanlog.errors import UsageError
from nanlog.model import Rule

__all__ = ["chosen", "explanation", "listing", "sentence", "width"]

_WIDEST = 100


def chosen(only: Collection[str], skip: Collection[str]) -> tuple[Rule, ...] | None:
    """The rules named in ``only`` (all where none is), without those in ``skip``; None where all are to judge."""
    if not only and not skip:
        return None
    left = tuple(rule for rule in rules() if (not only or rule.name in only) and rule.name not in skip)
    if not left:
        raise UsageError("no rule is left to judge by: every one that --only names is skipped; nanlog rules lists all")
    return left


def sentence(rule: Rule) -> str:
    """The first line of the rule's documentation: the bad thing in one sentence."""
    return _plain(rule_text(rule.name).strip().partition("\n")[0])


def listing() -> str:
    """One line for each rule: its name and the first line of its documentation."""
    formatter = click.HelpFormatter(width=width())
    formatter.write_dl([(rule.name, sentence(rule)) for rule in rules()])
    return formatter.getvalue().rstrip("\n")


def explanation(name: str) -> str:
    """The documentation of one rule, wrapped; raises KeyError for any other name."""
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
