"""The scalars of a file with their places in the tree and their lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nanlog.model import FactValue, Piece
from nanlog_parsers._numbers import number
from nanlog_parsers.huggingface._json import scalars
from nanlog_parsers.lightning._hparams import Setting, settings

__all__ = ["Setting", "from_json", "from_yaml"]

_MOST = 20_000
_LONGEST_PATH, _LONGEST_TEXT = 300, 500
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_WORDS: dict[str, FactValue] = {"true": True, "false": False, "null": "null"}


def from_yaml(pieces: Iterable[Piece]) -> Iterator[Setting]:
    """Scalars of YAML; what stands alone in a ``value`` (as Weights & Biases writes) is that of its parent."""
    for setting in settings(_lines(pieces)):
        yield Setting(setting.path.removesuffix(".value"), setting.value, setting.line)


def _lines(pieces: Iterable[Piece]) -> Iterator[tuple[int, str]]:
    for piece in pieces:
        if not piece.continues:
            yield from enumerate(piece.data.decode("utf-8-sig", "replace").split("\n"), piece.first_line)


def from_json(pieces: Iterable[Piece]) -> Iterator[Setting]:
    """Scalars of JSON, the items of lists numbered; comments and commas too many are passed over."""
    passed: dict[tuple[str, ...], int] = {}  # items of the lists that are open
    for count, scalar in enumerate(scalars(pieces)):
        if count >= _MOST:
            return
        path = scalar.path
        if scalar.text is None:
            passed.pop(path, None)
        elif (name := _name(path, passed)) and len(name) <= _LONGEST_PATH:
            text = scalar.text[:_LONGEST_TEXT]
            yield Setting(name, text if scalar.is_string else _scalar(text), scalar.line)
        if path and path[-1] == "[]":
            passed[path[:-1]] = passed.get(path[:-1], 0) + 1


def _name(path: tuple[str, ...], passed: dict[tuple[str, ...], int]) -> str:
    """``config.layers[3].name``; the outermost object has no name."""
    name = ""
    for depth, key in enumerate(path):
        if depth == 0:
            continue
        name += f"[{passed.get(path[:depth], 0)}]" if key == "[]" else f".{key}" if name else key
    return name


def _scalar(text: str) -> FactValue:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    value = number(text)
    return text if value is None else value
