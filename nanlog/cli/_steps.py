"""``A:B`` on the command line: a stretch of steps."""

from __future__ import annotations

import re

from nanlog.errors import UsageError

__all__ = ["stretch"]

_STRETCH = re.compile(r"(-?[0-9]{1,18})?:(-?[0-9]{1,18})?")


def stretch(word: str) -> tuple[int | None, int | None]:
    """First and last step of ``900:1100``, ``900:`` or ``:1100``; None for an end that is left away.

    Raises :class:`~nanlog.errors.UsageError` for any other word.
    """
    found = _STRETCH.fullmatch(word)
    if found is None:
        raise UsageError(f"--steps {word}: give the first and the last step, as in 900:1100, 900: or :1100")
    first, last = (None if end is None else int(end) for end in found.groups())
    if first is not None and last is not None and first > last:
        raise UsageError(f"--steps {word}: the first step comes after the last; give {last}:{first}")
    return first, last
