"""Reads the dicts that the Trainer prints: ``{'loss': 2.2884, 'grad_norm': nan, 'epoch': 0.11}``.

They are what ``str`` makes of a dict, so a NaN is a bare ``nan`` and no Python expression; since transformers 5 every
float is a quoted string of four digits, and numpy 2 prints ``np.float64(0.93)``.  Nothing is ever evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nanlog_parsers._numbers import number

__all__ = ["Printed", "printed_dicts"]

_BEGIN = re.compile(r"\{['\"]")
_END = re.compile(r"\s{0,8},?\s{0,8}\}")
_FLAT = re.compile(r"\{(?:'[^'\n]{1,300}': (?:'[-+.\w]{1,40}'|[-+.\w]{1,40})(?:, |(?=\}))){1,2000}\}")
_PAIR = re.compile(r"'([^'\n]{1,300})': ('?)([-+.\w]{1,40})")
_KEY = re.compile(r"""[\s,]{0,20}(?:'([^'\n]{1,300})'|"([^"\n]{1,300})")\s{0,8}:\s{0,8}""")
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.){0,1000})'|"((?:[^"\\]|\\.){0,1000})\"""")
_BARE = re.compile(r"[^\s,{}\[\]()'\"]{1,100}")
#: ``np.float64(0.93)``, ``tensor(nan, device='cuda:0')``
_WRAPPED = re.compile(r"[A-Za-z_][\w.]{0,100}\((?P<value>[-+.\w]{1,60})[^()\n]{0,200}\)")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
#: So much of a list or dict inside is passed over.
_LONGEST_INSIDE = 10_000
_MOST_KEYS = 2000


@dataclass(frozen=True, slots=True)
class Printed:
    """One dict: where it begins, its numbers (and the text of each), whether they are quoted, whether it is cut off."""

    start: int

    numbers: dict[str, float]
    texts: dict[str, str]
    keys: frozenset[str]
    is_quoted: bool
    is_cut: bool
    text: str


def printed_dicts(text: str) -> Iterator[Printed]:
    """Yield all dicts in a text; what is none after all is left out.

    >>> [printed.numbers for printed in printed_dicts("{'loss': nan, 'epoch': 1.0}{'eval_loss': '0.5'}")]
    [{'loss': nan, 'epoch': 1.0}, {'eval_loss': 0.5}]
    """
    at = 0
    while (flat := _FLAT.search(text, at)) is not None and text.find("{'", at, flat.start()) < 0:
        yield _flat(flat[0], flat.start())
        at = flat.end()
    while (begin := _BEGIN.search(text, at)) is not None:
        reader = _Reader(text, begin.end() - 1)
        printed = reader.read(begin.start())
        if printed is not None:
            yield printed
        at = max(reader.at, begin.end())


def _flat(text: str, start: int) -> Printed:
    """A dict of plain numbers and words, as nearly all are."""
    pairs = _PAIR.findall(text)
    numbers = {name: value for name, _, token in pairs if (value := number(token)) is not None}
    texts = {name: token for name, _, token in pairs if name in numbers}
    quoted = any(quote and name in numbers for name, quote, _ in pairs)
    return Printed(start, numbers, texts, frozenset(name for name, _, _ in pairs), quoted, False, text[:300])


class _Reader:
    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def read(self, begin: int) -> Printed | None:
        numbers: dict[str, float] = {}
        texts: dict[str, str] = {}
        keys: set[str] = set()
        quoted = False
        while len(keys) < _MOST_KEYS and (key := _KEY.match(self.text, self.at)) is not None:
            name = key[1] or key[2]
            keys.add(name)
            self.at = key.end()
            value = self._value()
            if value is None:
                break
            token, is_quoted = value
            if (read := number(token)) is not None:
                numbers[name], texts[name] = read, token
                quoted |= is_quoted
        end = _END.match(self.text, self.at)
        if end is not None:
            self.at = end.end()
        elif not keys or len(self.text) - self.at > _LONGEST_INSIDE:
            return None
        return Printed(begin, numbers, texts, frozenset(keys), quoted, end is None, self.text[begin : begin + 300])

    def _value(self) -> tuple[str, bool] | None:
        """The text of a value and whether it is quoted; "" for what is no scalar, None where it cannot be read."""
        if (found := _QUOTED.match(self.text, self.at)) is not None:
            self.at = found.end()
            return (found[1] if found[1] is not None else found[2]).strip(), True
        if (found := _WRAPPED.match(self.text, self.at)) is not None:
            self.at = found.end()
            return found["value"], False
        if (found := _BARE.match(self.text, self.at)) is not None:
            self.at = found.end()
            if self.text[self.at : self.at + 1] != "(":
                return found[0], False
        return ("", False) if self._pass_over_brackets() else None

    def _pass_over_brackets(self) -> bool:
        """Go behind a list, a tuple, a dict or a call; quotes inside are not looked at."""
        expected: list[str] = []
        last = self.at
        for at in range(self.at, min(len(self.text), self.at + _LONGEST_INSIDE)):
            sign = self.text[at]
            if sign in _BRACKETS:
                expected.append(_BRACKETS[sign])
            elif expected and sign == expected[-1]:
                expected.pop()
                if not expected:
                    self.at = at + 1
                    return True
            elif not expected:
                return False
            last = at
        self.at = last  # what was looked at in vain is not looked at again: a line costs what it is long
        return False
