"""Settings that a program prints before it trains: argparse dumps, dictionaries, ``lr: 0.1`` one to a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import FactValue
from nanlog_parsers._numbers import number

__all__ = ["settings"]

_LONGEST = 1 << 14
_MOST = 500
_KEY = r"[A-Za-z_][\w.-]{0,60}"
_DUMP = re.compile(
    r"\b(?:Namespace|Config|Args|Arguments|TrainingArguments|HParams|Hyperparameters|OmegaConf)\(|"
    r"\b(?:hparams|hyper-?param(?:eter)?s|args|arguments|config(?:uration)?|opts?|options|params|settings)\b"
    r"\s{0,3}[:=]?\s{0,3}[{(]",
    re.IGNORECASE,
)
_ITEM = re.compile(
    rf"(?:(?<=[\s,({{\[])|^)['\"]?(?P<key>{_KEY})['\"]?\s{{0,3}}[=:]\s{{0,3}}"
    r"(?P<value>'[^'\n]{0,200}'|\"[^\"\n]{0,200}\"|\[[^\[\]\n]{0,200}\]|[^\s,(){}\[\]'\"]{1,200})"
)
_LINE = re.compile(
    r"^(?:[\w\[\]:,. /-]{0,80}(?:INFO|DEBUG)[\]:\s-]{1,8})?[ \t|>*-]{0,20}"
    r"['\"]?(?P<key>[A-Za-z_][\w. /-]{0,50}?)['\"]?(?:\s{0,40}[:=|]\s{0,40}|\s?\.{3,60}\s?)"
    r"(?P<value>'[^'\n]{0,200}'|\"[^\"\n]{0,200}\"|[^\s'\"()\[\]{}|,;]{1,200})[ \t|,]{0,60}$"
)
_FLAG = re.compile(rf"(?<!\S)--(?P<key>{_KEY})(?:=|\s)(?P<value>[^\s-][^\s]{{0,200}}|-[\d.][^\s]{{0,60}})")
_COMMAND = re.compile(r"\b(?:python3?|torchrun|accelerate|deepspeed|horovodrun|\w{1,40}\.py)\b[^\n]{0,400}? --")
_WORDS: dict[str, FactValue] = {"true": True, "false": False, "none": "None"}


def settings(line: str) -> Iterator[tuple[str, FactValue]]:
    """Yield the settings that a line states: key without prefix, value."""
    line = line[:_LONGEST]
    dump = _DUMP.search(line)
    if dump is not None:
        yield from _items(_ITEM, line[dump.start() :])
    elif (one := _LINE.match(line)) is not None:
        yield _key(one["key"]), _value(one["value"])
    elif _COMMAND.search(line) is not None:
        yield from _items(_FLAG, line)


def _items(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, FactValue]]:
    for count, found in enumerate(pattern.finditer(text)):
        if count >= _MOST:
            return
        yield _key(found["key"]), _value(found["value"])


def _key(text: str) -> str:
    return re.sub(r"[\s/-]+", "_", text.strip().strip("'\"")).lower()


def _value(text: str) -> FactValue:
    text = text.strip()
    if text.startswith("[") and "," not in text:
        text = text.strip("[] ")  # a list of one
    if text[:1] in {"'", '"'}:
        return text.strip("'\"")
    if (word := _WORDS.get(text.lower())) is not None:
        return word
    read = number(text)
    if read is None:
        return text
    whole = re.fullmatch(r"[-+]?\d{1,18}", text)
    return int(text) if whole is not None else read
