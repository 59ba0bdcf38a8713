"""The dialects nanlog reads, for a terminal and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from nanlog.cli._rules import width
from nanlog.model import Parser
from nanlog.report import printable

__all__ = ["as_json", "as_text", "gives"]

_LONGEST = 400


def gives(parser: Parser) -> tuple[str, ...]:
    """What the parser says that it reads out of a log; nothing where it does not say."""
    said = getattr(parser, "gives", ())
    return tuple(str(word) for word in ((said,) if isinstance(said, str) else said))


def as_text(parsers: Sequence[Parser]) -> str:
    """Name, title and what it gives; one below the other, wrapped at the width of the terminal."""
    return "\n\n".join("\n".join(_entry(parser)) for parser in parsers)


def _entry(parser: Parser) -> list[str]:
    title = _wrapped(printable(parser.title, _LONGEST), "    ")
    said = printable(", ".join(gives(parser)), _LONGEST)
    name = click.style(printable(parser.name), bold=True)
    return [name, title, *([_wrapped(f"gives: {said}", "    ", "           ")] if said else [])]


def _wrapped(text: str, first: str, rest: str = "    ") -> str:
    return click.wrap_text(text, width(), initial_indent=first, subsequent_indent=rest)


def as_json(parsers: Sequence[Parser]) -> str:
    formats = [{"name": parser.name, "title": parser.title, "gives": gives(parser)} for parser in parsers]
    return json.dumps({"schema_version": 1, "formats": formats}, indent=2)
