"""The settings that some programs write before the first step, as one more object."""

from __future__ import annotations

from nanlog.model import Fact
from nanlog_parsers._tables import has_loss

from ._records import Record

__all__ = ["facts_of", "is_setup"]

#: It is one of the first lines.
_LAST_LINE = 3
_MOST_FACTS = 1000
_LONGEST_WORDS = 500
_WRAPPERS = {"config", "hparams", "args", "cfg", "params", "hyperparameters", "hyper_parameters", "settings"}


def is_setup(line: int, read: Record) -> bool:
    """Say whether an object at the beginning of a log, of which there is no other like it, is about the settings."""
    return line <= _LAST_LINE and not has_loss(read.values)


def facts_of(read: Record, file: str, line: int) -> list[Fact]:
    """Each setting as ``hparams.<name>``."""
    scalars: dict[str, str | float] = {name: text[:_LONGEST_WORDS] for name, text in read.words.items()}
    scalars |= {name: value for name, value in read.values.items() if value is not None}
    return [Fact(f"hparams.{_plain(name)}", scalar, file, line) for name, scalar in list(scalars.items())[:_MOST_FACTS]]


def _plain(name: str) -> str:
    first, dot, rest = name.partition(".")
    return rest if dot and rest and first.lower() in _WRAPPERS else name
