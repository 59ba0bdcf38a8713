"""Reads ``hparams.yaml``, which ``save_hyperparameters`` leaves beside a table, and LightningCLI's ``config.yaml``.

Only what PyYAML writes in block style is understood, a line at a time: mappings, lists, scalars, quoted and folded
text, short lists in brackets.  Tags and anchors are passed over; nothing is ever constructed from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nanlog.model import FactValue
from nanlog_parsers._numbers import number

__all__ = ["Setting", "settings"]

#: A file with more than these, or nested deeper, is no list of settings.
_MOST_SETTINGS = 10_000
_DEEPEST = 50
_LONGEST_LINE = 20_000
_LONGEST_VALUE = 1000
_LONGEST_PATH = 300

_KEY = re.compile(r"""("[^"]{0,300}"|'[^']{0,300}'|[^\s\-?:#&*!|>"'%@`{}\[\],][^:#]{0,300}?):(?=[ \t]|$)""")
_PROPERTY = re.compile(r"(?:![^\s,]{0,300}|&[^\s,]{1,300})(?:[ \t]+|$)")
_BLOCK_TEXT = re.compile(r"[|>][-+0-9]{0,3}(?:[ \t]+#.{0,1000})?")
_COMMENT = re.compile(r"[ \t]#")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_WORDS: dict[str, FactValue] = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
    **dict.fromkeys(("~", "null", "none"), "null"),
    ".nan": float("nan"),
    ".inf": float("inf"),
    "+.inf": float("inf"),
    "-.inf": float("-inf"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One scalar: where it stands in the tree (``cfg.layers[0]``), its value, its 1-based line."""

    path: str
    value: FactValue
    line: int


def settings(lines: Iterable[tuple[int, str]]) -> Iterator[Setting]:
    """Yield the scalars of a file, given as numbered lines; what is no YAML of this kind is passed over."""
    tree = _Tree()
    count = 0
    for line, text in lines:
        for setting in tree.read(line, text[:_LONGEST_LINE].rstrip("\r\n")):
            yield setting
            count += 1
            if count >= _MOST_SETTINGS:
                return
    yield from tree.close()


@dataclass(slots=True)
class _Level:
    """A mapping, or a list of which ``items`` were seen, whose entries begin in column ``indent``."""

    indent: int
    path: str
    items: int | None = None


@dataclass(slots=True)
class _Text:
    """A scalar that may go on in the next lines: until ``quote`` comes, or else as long as they are indented."""

    path: str
    line: int
    indent: int
    parts: list[str]
    quote: str = ""
    is_block: bool = False
    is_complete: bool = False

    def add(self, content: str) -> None:
        if len(self.parts) < _LONGEST_VALUE:
            self.parts.append(content[:_LONGEST_VALUE])

    def setting(self) -> Setting:
        text = ("\n" if self.is_block else " ").join(self.parts)[:_LONGEST_VALUE]
        if self.quote:
            return Setting(self.path, _unquoted(text), self.line)
        return Setting(self.path, text if self.is_block else _scalar(text), self.line)


class _Tree:
    """Where in the tree the reading is; ``_slot`` is the path of what the next line may fill."""

    def __init__(self) -> None:
        self._levels: list[_Level] = []
        self._slot = ""
        self._text: _Text | None = None

    def read(self, line: int, text: str) -> Iterator[Setting]:
        content = text.strip()
        column = len(text) - len(text.lstrip(" "))
        if self._text is not None:
            if self._goes_on(self._text, column, content):
                return
            yield from self.close()
        if not content or content.startswith(("#", "%", "---", "...")):
            return
        outer = column
        while content == "-" or content.startswith("- "):
            self._item(column)
            outer = column
            rest = content[1:].lstrip()
            column += len(content) - len(rest)
            content = rest
        if (key := _KEY.match(content)) is not None:
            self._entry(column, _unquoted(key[1]))
            outer = column
            content = content[key.end() :].lstrip()
        elif outer == column:
            return  # neither an entry nor an item
        yield from self._value(content, line, outer)

    def close(self) -> Iterator[Setting]:
        """The scalar that is still open."""
        if self._text is not None:
            setting, self._text = self._text.setting(), None
            yield setting

    def _item(self, column: int) -> None:
        while self._levels and self._levels[-1].indent > column:
            self._levels.pop()
        if not self._levels or self._levels[-1].items is None or self._levels[-1].indent < column:
            self._descend(_Level(column, self._slot, 0))
        level = self._levels[-1]
        self._slot = f"{level.path}[{level.items or 0}]"
        level.items = (level.items or 0) + 1

    def _entry(self, column: int, key: str) -> None:
        while self._levels and (
            self._levels[-1].indent > column
            or (self._levels[-1].indent == column and self._levels[-1].items is not None)
        ):
            self._levels.pop()
        if not self._levels or self._levels[-1].indent < column:
            self._descend(_Level(column, self._slot if self._levels else ""))
        path = self._levels[-1].path
        self._slot = f"{path}.{key}"[:_LONGEST_PATH] if path else key

    def _descend(self, level: _Level) -> None:
        if len(self._levels) >= _DEEPEST:
            self._levels.pop()
        self._levels.append(level)

    def _value(self, content: str, line: int, column: int) -> Iterator[Setting]:
        while (tag := _PROPERTY.match(content)) is not None:
            content = content[tag.end() :]
        if not content or content.startswith(("#", "*")):
            return
        if content[0] in "[{":
            yield from self._flow(content, line)
        elif _BLOCK_TEXT.fullmatch(content):
            self._text = _Text(self._slot, line, column, [], is_block=True)
        elif content[0] in "\"'":
            complete = _closes(content[1:], content[0])
            self._text = _Text(self._slot, line, column, [content], quote=content[0], is_complete=complete)
        else:
            self._text = _Text(self._slot, line, column, [content])

    def _flow(self, content: str, line: int) -> Iterator[Setting]:
        """A list in brackets item by item; one that holds brackets, or goes on in the next line, as it is written."""
        inner = content[1:-1].strip()
        if content[0] != "[" or content[-1] != "]" or set(inner) & set("[]{}\"'"):
            if inner:
                yield Setting(self._slot, content[:_LONGEST_VALUE], line)
            return
        for index, item in enumerate(inner.split(",") if inner else []):
            yield Setting(f"{self._slot}[{index}]", _scalar(item.strip()), line)

    def _goes_on(self, text: _Text, column: int, content: str) -> bool:
        if text.is_complete:
            return False
        if text.quote:
            text.add(content)
            text.is_complete = _closes(content, text.quote) or len(text.parts) >= _LONGEST_VALUE
            return True
        if not content:
            return text.is_block
        is_entry = content.startswith(("- ", "#")) or content == "-" or _KEY.match(content)
        if column <= text.indent or (is_entry and not text.is_block):
            return False
        text.add(content)
        return True


def _closes(content: str, quote: str) -> bool:
    """Say whether text inside quotes ends here."""
    if quote == "'":
        return content.replace("''", "").endswith("'")
    return re.sub(r"\\.", "", content).endswith('"')


def _unquoted(text: str) -> str:
    if text[:1] == "'":
        return text.strip("'").replace("''", "'")
    if text[:1] == '"':
        return text.strip('"')
    return text.strip()


def _scalar(text: str) -> FactValue:
    """A plain scalar as its writer meant it: ``1e-5``, which YAML 1.1 takes for text, is a number too."""
    comment = _COMMENT.search(text)
    text = text[: comment.start()].rstrip() if comment else text
    if (word := _WORDS.get(text.lower())) is not None:
        return word
    if _INTEGER.fullmatch(text):
        return int(text)
    value = number(text)
    return text if value is None else value
