"""Sentences as Markdown that shows what they say and nothing more.

GitHub turns much of a text into links, images and messages to people: not only Markdown and HTML but ``@name``,
``#12``, ``GH-12``, an address, the hash of a commit, ``:name:``, ``$x$``.  A backslash keeps it from some of these
alone.  Inside a code span it makes nothing of anything: that is where each word goes that is no plain word or number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.report._clean import SENTENCE_LIMIT, printable

__all__ = ["code", "literal"]

_WORD = r"[^\W\d_]+(?:['-][^\W\d_]+)*"
_NUMBER = r"\d{1,3}(?:(?:,\d{3})+|\d{0,3})(?:\.\d{1,9})?(?:e[+-]?\d{1,3})?"
_PLAIN = re.compile(rf"""['"(]*[+-]?(?:{_WORD}|{_NUMBER}(?:%|-{_WORD})?)['")]*[.,;:!?]*['")]*""")
#: What stands between words, as long as it does not begin a line: there it would begin a list.
_BETWEEN = frozenset("=+-/…")
_COMMIT = re.compile(r"[0-9a-f]{7,}", re.IGNORECASE)
_PUNCTUATION = ".,;:!?"
_ENUMERATION = re.compile(r"\A(\d{1,9})([.)])")
#: An expression with blanks in it (``power_param { power: 0.5 }``) has at most so many words.
_LONGEST = 40


def code(text: str, limit: int = SENTENCE_LIMIT) -> str:
    """``text`` as a code span; a backtick, which would end it, becomes its escape."""
    clean = printable(text, limit).strip().replace("`", "\\x60")
    return f"`{clean}`" if clean else ""


def literal(text: str, limit: int = SENTENCE_LIMIT) -> str:
    """``text`` on one line, at most ``limit`` characters of it before they are escaped.

    >>> literal("set base_lr to 0.05, says @somebody at www.example.com")
    'set `base_lr` to 0.05, says `@somebody` at `www.example.com`'
    >>> literal("give 'root' a shift: power_param { power: 0.5 shift: 1e-6 }")
    "give 'root' a shift: `power_param { power: 0.5 shift: 1e-6 }`"
    """
    clean = printable(text, limit)
    said = _ENUMERATION.sub(r"\1\\\2", " ".join(_pieces(clean.split())))
    return f" {said}" if clean.startswith(" ") and said else said


def _pieces(words: list[str]) -> Iterator[str]:
    """Plain words as they are; what stands between two of them as one code span, punctuation after it outside."""
    index = 0
    while index < len(words):
        if _is_plain(words, index):
            yield words[index]
            index += 1
            continue
        start = index
        while index < len(words) and not _is_plain(words, index):
            index = _beyond(words, index)
            if words[index - 1][-1] in _PUNCTUATION:
                break
        yield _span(" ".join(words[start:index]))


def _span(text: str) -> str:
    """A code span and the punctuation after it; of words in brackets only those that are not plain are code."""
    core = text
    while core and (core[-1] in _PUNCTUATION or (core[-1] == ")" and core.count(")") > core.count("("))):
        core = core[:-1]
    if not core:
        return code(text)
    after = text[len(core) :]
    if core[0] == "(" and core[-1] == ")" and core[1] not in "()":
        return f"({' '.join(_pieces(core[1:-1].split()))}){after}"
    return code(core) + after


def _is_plain(words: list[str], index: int) -> bool:
    word = words[index]
    if word in _BETWEEN:
        return index > 0
    return _PLAIN.fullmatch(word) is not None and _COMMIT.search(word) is None


def _beyond(words: list[str], index: int) -> int:
    """The index after an expression: after the word that closes what this one opens, where one does."""
    opened = 0
    for end, word in enumerate(words[index : index + _LONGEST], index + 1):
        opened += sum(map(word.count, "([{")) - sum(map(word.count, ")]}"))
        if opened <= 0:
            return end
    return index + 1
