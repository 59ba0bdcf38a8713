"""``weights.toml`` as a text that keeps its comments: beside a fitted weight stands the one that was set by hand.

    calm_before = -1.73  # by hand: -1.0

Every fit starts from what was set by hand, so that fitting twice is the same as fitting once.
"""

from __future__ import annotations

import re
import tomllib

from tools._model import Weights

__all__ = ["by_hand", "with_weights"]

_ENTRY = re.compile(r"^(\w+) = (-?[\d.]+)(?:  # by hand: (-?[\d.]+))?$")
_SECTION = re.compile(r"^\[(\w+)\]$")


def by_hand(text: str) -> dict[str, dict[str, float]]:
    """The weights as a person set them."""
    return tomllib.loads(re.sub(r" = \S+  # by hand: (\S+)$", r" = \1", text, flags=re.MULTILINE))


def with_weights(text: str, weights: Weights) -> str:
    """The text with other weights, those that differ from what was set by hand marked."""
    original = by_hand(text)
    section, lines = "", []
    for line in text.splitlines():
        if header := _SECTION.match(line):
            section = header[1]
        if entry := _ENTRY.match(line):
            key = entry[1]
            new, old = weights[section][key], original[section][key]
            line = f"{key} = {new}" if new == old else f"{key} = {new}  # by hand: {old}"  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines) + "\n"
