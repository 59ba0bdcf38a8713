"""What the words on the command line stand for."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

from nanlog.errors import UsageError

__all__ = ["expanded"]


def expanded(words: Iterable[str]) -> list[str]:
    """Replace each pattern that names no file itself by the paths it matches; ``**`` matches folders of any depth.

    A pattern that matches nothing stays, so that it is reported like any other path that is missing.
    """
    paths: list[str] = []
    for word in words:
        if word == "-" and word in paths:
            raise UsageError("standard input can be read only once: give - a single time.")
        is_pattern = glob.has_magic(word) and not os.path.lexists(word)
        paths += (_matches(word) if is_pattern else []) or [word]
    return paths


def _matches(pattern: str) -> list[str]:
    # Path.glob would refuse an absolute pattern and rewrite a relative one (./x becomes x)
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
