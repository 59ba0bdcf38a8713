"""One cell: a value, nothing logged, or words."""

from __future__ import annotations

import re

from nanlog_parsers._numbers import NUMBER, number

__all__ = ["ABSENT", "cell", "is_absent", "is_number"]

#: What writers put where nothing was logged: Python, pandas, R, SQL, fastai (``#na#``), people.
ABSENT = frozenset(
    {
        *("", "NA", "na", "N/A", "n/a", "#N/A", "#NA", "#na#", "<NA>"),
        *("NULL", "Null", "null", "NONE", "None", "none", "-", "--"),
    }
)
_LONGEST = 400
#: What a value begins with.
_FIRST = frozenset("0123456789+-.nNiIt[")
#: A tensor without dimensions that was written as it prints, a list of one, a share; ``nan.0`` is a NaN that was padded
#: to the width of a number.
_DRESSED = re.compile(
    rf"(?:tensor\(({NUMBER})\.?0?(?:,[^()]{{0,100}}(?:\(\))?[^()]{{0,100}})?\)|\[({NUMBER})\]|({NUMBER})(?:\.0|%))",
    re.ASCII,
)


def cell(text: str) -> float | None:
    """The value of a cell, None where nothing was logged; raises ValueError for words.

    >>> cell(" 1e-3 "), cell("-nan"), cell("NA"), cell("tensor(inf, device='cuda:0')")
    (0.001, nan, None, inf)
    """
    text = text.strip()
    if text in ABSENT:
        return None
    if len(text) > _LONGEST:
        raise ValueError("a cell too long for a number")
    value = number(text)
    if value is None:
        dressed = _DRESSED.fullmatch(text)
        if dressed is None:
            raise ValueError("not a number")
        value = number(next(filter(None, dressed.groups())))
    if value is None:  # never: the pattern holds the same grammar
        raise ValueError("not a number")
    return value


def is_number(text: str) -> bool:
    """Say whether a cell holds a value."""
    if text.lstrip()[:1] not in _FIRST:
        return False
    try:
        return cell(text) is not None
    except ValueError:
        return False


def is_absent(text: str) -> bool:
    """Say whether a cell says that nothing was logged."""
    return text.strip() in ABSENT
