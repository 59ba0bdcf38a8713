"""How sure it is that a file is the text of a training, judged by its head.

Prose and source code have numbers beside names as well, but no counter that rises from line to line of one shape.
"""

from __future__ import annotations

import re

import numpy as np

from nanlog.model import Piece
from nanlog_parsers._states import bulk

from ._dating import Counting, counting
from ._lex import Lexed, lex
from ._parts import Part, Parts

__all__ = ["sureness"]

#: A head of this size shows what a file is.
_ENOUGH = 1 << 16
#: Files that quote logs.
_NO_LOGS = (".py", ".md", ".rst", ".c", ".cc", ".cpp", ".cu", ".h", ".java", ".js", ".ts", ".go", ".rs", ".sh", ".html")
_SURE, _LIKELY, _POSSIBLE = 0.5, 0.4, 0.3
#: What other generic readers know better: a table, one object on each line.
_NOT_OURS = 0.25
#: A line alone is taken for a log where it is at least this share of the text.
_SHARE = 0.1
#: A document in JSON, pretty-printed; and its end, where something else follows.
_DOCUMENT = re.compile(rb"\s{0,100}[\[{]\s{0,100}\n\s{0,100}[\"{]")
_END = re.compile(rb"^[\]}]\s{1,100}(?=[^\s\[{])", re.MULTILINE)
_NUMBER = re.compile(rb"(?<![\w.-])[0-9]")
_FEWEST, _MANY = 3, 6


def sureness(file: str, head: bytes) -> float:
    """0 for what is no log of a training; never more than 0.5."""
    if b"\0" in head[:4096] or file.lower().endswith(_NO_LOGS):
        return 0.0
    head = _below_document(head[:_ENOUGH])
    score = 0.0
    for states in bulk([Piece("", head, 1)]):
        lexed = lex(states)
        parts = Parts().of(lexed, np.zeros(len(lexed), np.bool_))
        score = max(score, _score(lexed, parts))
    return min(score, _NOT_OURS) if _is_of_objects(head) or _is_tabular(head) else score


def _below_document(head: bytes) -> bytes:
    """The text without the settings that it begins with; nothing where they are all that there is."""
    if _DOCUMENT.match(head) is None:
        return head
    end = _END.search(head)
    return b"" if end is None else head[end.end() :]


def _score(lexed: Lexed, parts: list[Part]) -> float:
    counts = [part for part in parts if counting(part.roles) is not Counting.NOTHING and part.roles.values]
    losses = [part for part in counts if part.roles.has_known]
    below = [part for part in parts if counting(part.roles) is Counting.NOTHING and part.roles.has_known]
    share = sum(len(part.rows) for part in (*losses, *below)) / max(len(lexed), 1)
    most = max((_rising(part) for part in losses), default=0)
    if most >= _MANY or (most >= _FEWEST and share > _SHARE):
        return _SURE
    counting_on = max((_rising(part) for part in counts), default=0)
    often = counting_on >= _MANY or (counting_on >= _FEWEST and counting_on > _SHARE * len(lexed))
    if share < _SHARE:
        return _POSSIBLE if often else 0.0
    repeated = max((len(part.rows) for part in below), default=0)
    if most > 1 or sum(len(part.rows) for part in losses) >= _FEWEST:
        return _LIKELY
    if repeated > 1 and (counts or any(part.roles.heading for part in parts)):
        return _LIKELY
    return _POSSIBLE if losses or often or repeated >= _FEWEST else 0.0


def _rising(part: Part) -> int:
    """How many lines of a part count on from the one before, the first included."""
    counters = part.roles.counters
    step, epoch = part.whole(counters.step), part.whole(counters.epoch)
    rises = (np.diff(epoch) > 0) | ((np.diff(epoch) == 0) & (np.diff(step) > 0))
    return int(np.count_nonzero(rises)) + 1


def _is_of_objects(head: bytes) -> bool:
    lines = [line for line in head.split(b"\n")[:50] if line.strip()]
    return bool(lines) and 2 * sum(line.lstrip().startswith(b"{") for line in lines) > len(lines)


def _is_tabular(head: bytes) -> bool:
    """Whether a line of words and lines of cells have the same count of tabs, of commas or of semicolons."""
    lines = [line for line in head.split(b"\n")[:50] if line.strip()][:-1]
    if len(lines) < 2 or _NUMBER.search(lines[0]) is not None:
        return False
    counts = [{line.count(separator) for line in lines} for separator in (b"\t", b",", b";")]
    return any(len(count) == 1 and count != {0} for count in counts)
