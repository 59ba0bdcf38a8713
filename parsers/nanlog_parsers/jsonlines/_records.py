"""One JSON object -> the numbers in it, by dotted names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nanlog_parsers._tables import cell

__all__ = ["DEEPEST", "Record", "keep", "record"]

#: Objects inside objects beyond this depth are not looked into.
DEEPEST = 8
_MOST_KEYS = 100_000
_LONGEST_WORDS = 20_000
#: As printf and other languages write what json calls NaN and Infinity.
_BARE = re.compile(r"(?<=[:,\[ ])([-+]?)(nan|inf(?:inity)?)(?=[\s,}\]])", re.IGNORECASE)
_DECODE = json.JSONDecoder(parse_int=float).decode


@dataclass(slots=True)
class Record:
    """The numbers of one object, None for null, and its strings that are none; lists are left out."""

    values: dict[str, float | None] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


def record(text: str) -> Record:
    """Read an object, and the objects in it: ``{"grads": {"fc.bias": 1}}`` has ``grads.fc.bias``.

    Raises ValueError for what is no JSON object; NaN, Infinity and -Infinity are read although they are no JSON.
    """
    try:
        found = _decoded(text)
    except RecursionError as error:
        raise ValueError("objects too deep in each other") from error
    if not isinstance(found, dict):
        raise ValueError("no object")
    result = Record()
    _flatten(result, "", found, 0)
    return result


def _decoded(text: str) -> object:
    try:
        return _DECODE(text)
    except ValueError:
        spelled = _BARE.sub(_spelled, text)
        if spelled == text:
            raise
        return _DECODE(spelled)


def _spelled(found: re.Match[str]) -> str:
    sign = "-" if found[1] == "-" and found[2].lower() != "nan" else ""
    return sign + ("NaN" if found[2].lower() == "nan" else "Infinity")


def _flatten(result: Record, path: str, level: Mapping[str, Any], depth: int) -> None:
    for key, item in level.items():
        if isinstance(item, dict):
            if depth < DEEPEST:
                _flatten(result, f"{path}{key}.", item, depth + 1)
        elif len(result.values) < _MOST_KEYS and not isinstance(item, list | bool):
            keep(result, path + key, item)


def keep(result: Record, name: str, item: str | float | None) -> None:
    """Enter a scalar: a string that is a number counts as one."""
    if not isinstance(item, str):
        result.values[name] = item
        return
    try:
        result.values[name] = cell(item)
    except ValueError:
        result.words[name] = item[-_LONGEST_WORDS:]
