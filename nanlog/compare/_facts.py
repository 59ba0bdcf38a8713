"""What two logs state differently."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from nanlog.model import Fact, FactValue

__all__ = ["FactDifference", "Group", "differing_facts"]

Group = Literal["settings", "net", "environment"]

_LAYER = re.compile(r"(.*?\blayers?)\[(\d+)\]\.(.*)", re.DOTALL)
_NET = ("net", "shape", "loss_weight", "model", "parameters")
_ENVIRONMENT = re.compile(
    r"framework|device|writer|precision|platform|hostname|python|cuda|cudnn|gpus?|world_size|.*version", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FactDifference:
    """One key under which two logs say something else; None where one says nothing."""

    key: str
    group: Group
    a: Fact | None
    b: Fact | None


def differing_facts(a: Iterable[Fact], b: Iterable[Fact]) -> tuple[tuple[FactDifference, ...], int]:
    """The differences in the order of the logs, settings first, and how many keys say the same in both.

    What is stated more than once counts as it was stated last.  Layers are told apart by their names, not by their
    places, so that a layer more does not make all that follow it differ.
    """
    one, two = _by_name(a), _by_name(b)
    alike = 0
    found = []
    for key in {**one, **two}:
        if key in one and key in two and _equal(one[key].value, two[key].value):
            alike += 1
        else:
            found.append(FactDifference(key, _group(key), one.get(key), two.get(key)))
    order = ("settings", "net", "environment")
    return tuple(sorted(found, key=lambda difference: order.index(difference.group))), alike


def _by_name(facts: Iterable[Fact]) -> dict[str, Fact]:
    last = {fact.key: fact for fact in facts}
    names = _names(last)
    return {_named(key, names): fact for key, fact in last.items()}


def _names(facts: dict[str, Fact]) -> dict[tuple[str, str], str]:
    """What each layer is called, by the list it stands in and its place there."""
    layers = [(found[1], found[2], str(fact.value)) for found, fact in _layers(facts) if found[3] == "name"]
    seen: Counter[tuple[str, str]] = Counter()
    names = {}
    for within, place, name in layers:
        seen[within, name] += 1
        again = seen[within, name]
        names[within, place] = name if again == 1 else f"{name}~{again}"
    return names


def _layers(facts: dict[str, Fact]) -> Iterator[tuple[re.Match[str], Fact]]:
    return ((found, fact) for key, fact in facts.items() if (found := _LAYER.fullmatch(key)) is not None)


def _named(key: str, names: dict[tuple[str, str], str]) -> str:
    found = _LAYER.fullmatch(key)
    name = None if found is None else names.get((found[1], found[2]))
    return key if found is None or name is None else f"{found[1]}[{name}].{found[3]}"


def _group(key: str) -> Group:
    first = re.split(r"[.\[]", key, maxsplit=1)[0]
    if first in _NET:
        return "net"
    return "environment" if _ENVIRONMENT.fullmatch(first) else "settings"


def _equal(a: FactValue, b: FactValue) -> bool:
    """Whether two values are one: ``0.10`` in a text is the number 0.1, and NaN is NaN."""
    one, two = _plain(a), _plain(b)
    return one == two or (isinstance(one, float) and isinstance(two, float) and math.isnan(one) and math.isnan(two))


def _plain(value: FactValue) -> FactValue:
    if isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false")):
        return str(value).lower()
    try:
        return float(value)
    except (ValueError, OverflowError):
        return value
