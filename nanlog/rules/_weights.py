"""What signs are worth: ``weights.toml`` for the rules of this package, ``weights`` of the rule for a plug-in."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from nanlog.rules import all_rules


@cache
def weights() -> dict[str, dict[str, float]]:
    """Rule name (or ``prior``) -> sign (or cause) -> nats, as the file has it."""
    text = (files("nanlog.rules") / "weights.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def prior(cause: str) -> float:
    """Log of the relative frequency of a cause; that of the rarest where none is known."""
    table = weights()["prior"]
    return table.get(cause, min(table.values()))


def weight(rule: str, sign: str) -> float:
    """Weight of a sign in nats.

    Raises KeyError for a sign of this package that has none: every sign such a rule yields must stand in the file.  A
    sign that a plug-in forgot to weigh proves nothing, 0.
    """
    if rule in weights():
        return weights()[rule][sign]
    return _brought(rule).get(sign, 0.0)


def _brought(rule: str) -> Mapping[str, float]:
    """The weights that a rule of another distribution brings with it."""
    bringing = (known for known in all_rules() if known.name == rule)
    return next((getattr(known, "weights", {}) for known in bringing), {})
