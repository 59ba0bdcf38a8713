"""Reads ``weights.toml``: priors of the causes and weights of the signs."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def weights() -> dict[str, dict[str, float]]:
    """Rule name (or ``prior``) -> sign (or cause) -> nats."""
    text = (files("nanlog.rules") / "weights.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def prior(cause: str) -> float:
    """Log of the relative frequency of a cause; that of the rarest where none is known."""
    table = weights()["prior"]
    return table.get(cause, min(table.values()))


def weight(rule: str, sign: str) -> float:
    """Weight of a sign.  Raises KeyError for a sign that has none: every sign a rule yields must stand in the file."""
    return weights()[rule][sign]
