"""The documentation of a rule, cut and set for other places than a terminal."""

from __future__ import annotations

import re

__all__ = ["as_markdown", "section"]


def as_markdown(text: str) -> str:
    """A rule's docstring with its headings in bold and its indented paragraphs at the margin."""
    headed = re.sub(r"^(?! )(.+)\n(?= )", r"**\1**\n\n", text.replace("``", "`"), flags=re.MULTILINE)
    return re.sub(r"^ +", "", headed, flags=re.MULTILINE)


def section(text: str, heading: str) -> str:
    """What stands under a heading of a rule's docstring, on one line; empty where there is no such heading."""
    found = re.search(rf"^{re.escape(heading)}\n((?: +.*\n?|\n)+)", text, re.MULTILINE)
    return "" if found is None else " ".join(found[1].replace("``", "").split())
