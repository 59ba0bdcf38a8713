"""Reporters: one per file, each turns answers into one format.

A reporter module ends in ``REPORTER``.  It is given the answers one by one, as they are found, so that a long row of
runs neither waits for the last one nor has to fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TextIO, TypeAlias, cast

from nanlog.report._clean import printable

if TYPE_CHECKING:
    from nanlog.model import Report

__all__ = ["FORMATS", "PLAIN_WIDTH", "Answer", "Failure", "Reporter", "Style", "printable", "reporter"]

_MODULES = {
    "text": "nanlog.report.text",
    "json": "nanlog.report.as_json",
    "markdown": "nanlog.report.markdown",
    "sarif": "nanlog.report.sarif",
}

FORMATS = tuple(_MODULES)

PLAIN_WIDTH = 100  #: columns where no terminal says how wide it is


@dataclass(frozen=True, slots=True)
class Failure:
    """A path that could not be read or recognised; ``error`` is a sentence for people."""

    source: str
    error: str

    @property
    def verdict(self) -> str:
        return "cannot_judge"


Answer: TypeAlias = "Report | Failure"


@dataclass(frozen=True, slots=True)
class Style:
    """How a report for people looks; reports for machines do not depend on it."""

    verbose: bool = False
    colour: bool = False
    width: int = PLAIN_WIDTH


class Reporter(Protocol):
    """Writes one document for all answers of a command."""

    def write(self, answers: Iterable[Answer], out: TextIO, style: Style) -> None:
        """Write the answers to ``out`` in the order they come; ``answers`` is consumed once and may be lazy."""


def reporter(name: str) -> Reporter:
    """Return the reporter for one of :data:`FORMATS`; only its own module is imported."""
    return cast(Reporter, import_module(_MODULES[name]).REPORTER)
