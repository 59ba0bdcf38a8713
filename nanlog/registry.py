"""Finds the parsers there are and chooses the one that knows a log.

A module of the package ``nanlog_parsers`` that ends in a constant ``PARSER`` is a parser, and so is whatever an
installed distribution names in its entry-point group ``nanlog.parsers``.  There is no list to edit.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

from nanlog.errors import UnreadableError, UsageError
from nanlog.model import Parser, Reading, Source
from nanlog.plugins import Broken, Plugins, announced, lacking, taken_in
from nanlog.unknown import unknown

__all__ = ["SURE", "Broken", "Choice", "broken", "choose", "parsers"]

ENTRY_POINTS = "nanlog.parsers"

#: A parser less sure than this is not chosen unless it is asked for by name.
SURE = 0.2

_PROMISED = ("name", "title", "score", "read")


@dataclass(frozen=True, slots=True)
class Choice:
    """The surest parser for a source, how sure it is (0..1), and how sure each of those tried was, best first.

    ``readings`` say which parser reads which file: each file goes to the parser that is surest of it.  ``left_out`` are
    the files nobody is sure of.  A parser that was asked for by name is the only one tried.
    """

    parser: Parser
    score: float
    tried: tuple[tuple[str, float], ...]
    readings: tuple[Reading, ...]
    left_out: tuple[str, ...] = ()


def parsers() -> tuple[Parser, ...]:
    """All parsers, those of nanlog first, each kind by name.  Imports them at the first call."""
    return _found().whole


def broken() -> tuple[Broken, ...]:
    """The plug-ins that :func:`parsers` had to leave out."""
    return _found().broken


def choose(source: Source, name: str | None = None) -> Choice:
    """Pick the parser called ``name``, or else for each file the one that is surest of its beginning.

    Raises ``UsageError`` for a name nobody has and ``UnreadableError`` where no parser is sure.
    """
    known = parsers() if name is None else (_named(name),)
    heads = {file: source.head(file) for file in source.files}
    scores = {parser.name: {file: parser.score(file, head) for file, head in heads.items()} for parser in known}
    ranked = sorted(known, key=lambda parser: (-max(scores[parser.name].values()), parser.name))
    tried = tuple((parser.name, max(scores[parser.name].values())) for parser in ranked)
    if not ranked or (name is None and tried[0][1] < SURE):
        raise UnreadableError(unknown(source, ranked, SURE))
    owners = {file: _owner(file, ranked, scores, 0.0 if name is not None else SURE) for file in heads}
    if name is not None and not any(owners.values()):
        owners = dict.fromkeys(heads, ranked[0])
    readings = tuple(
        Reading(parser, files)
        for parser in ranked
        if (files := tuple(file for file, owner in owners.items() if owner is parser))
    )
    left_out = tuple(file for file, owner in owners.items() if owner is None)
    return Choice(ranked[0], tried[0][1], tried, readings, left_out)


def _owner(
    file: str, ranked: Sequence[Parser], scores: Mapping[str, Mapping[str, float]], least: float
) -> Parser | None:
    """The parser that is surest of a file; of several alike the one that is surest of another file."""
    best = max(ranked, key=lambda parser: scores[parser.name][file])
    score = scores[best.name][file]
    return best if score >= least and score > 0 else None


def _named(name: str) -> Parser:
    for parser in parsers():
        if parser.name == name:
            return parser
    raise UsageError(f"there is no parser called {name!r}; --format-in takes one of: {_listed(parsers())}")


def _listed(known: tuple[Parser, ...]) -> str:
    return ", ".join(parser.name for parser in known) or "(none is installed)"


@cache
def _found() -> Plugins[Parser]:
    return taken_in("parser", (*_modules(), *_announced()), lambda parser: lacking(parser, _PROMISED))


def _modules() -> Iterator[tuple[str, Callable[[], Parser]]]:
    package = importlib.import_module("nanlog_parsers")
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if not module.name.startswith("_"):
            yield _module(f"{package.__name__}.{module.name}")


def _module(name: str) -> tuple[str, Callable[[], Parser]]:
    def load() -> Parser:
        parser: Parser = importlib.import_module(name).PARSER
        return parser

    return name, load


def _announced() -> Iterator[tuple[str, Callable[[], Parser]]]:
    for origin, load in announced(ENTRY_POINTS):
        yield origin, cast(Callable[[], Parser], load)
