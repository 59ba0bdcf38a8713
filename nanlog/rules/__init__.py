"""The causes: one module per rule, found by walking this package, and the entry points ``nanlog.rules``.

A module ends in ``RULE``; its name states the bad thing and is the rule's name.  Its docstring has six headings (What
it sees, Why it ends in NaN, Fires on, Quiet on, What to do, May be wrong when); ``nanlog explain`` prints it.

A rule from another distribution brings its weights itself, in ``weights``: what each of its signs is worth in nats, as
``weights.toml`` has it for the rules of this package.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import cast

from nanlog.model import Cause, Rule
from nanlog.plugins import Broken, Plugins, announced, lacking, taken_in

__all__ = ["all_rules", "broken", "rule_module"]

ENTRY_POINTS = "nanlog.rules"

_PROMISED = ("name", "cause", "needs", "judge")
#: What a plug-in has besides: nothing in this package says what its signs are worth.
_BROUGHT = (*_PROMISED, "weights")


def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of their names; those of plug-ins last."""
    return _found().whole


def broken() -> tuple[Broken, ...]:
    """The plug-ins that :func:`all_rules` had to leave out."""
    return _found().broken


def rule_module(rule: Rule) -> str:
    """The documentation of a rule: the docstring of the module that defines it."""
    module = getattr(rule, "module", None) or type(rule).__module__
    return (importlib.import_module(module).__doc__ or "").strip()


@cache
def _found() -> Plugins[Rule]:
    return taken_in("rule", (*_modules(), *_announced()), _fault)


def _modules() -> Iterator[tuple[str, Callable[[], Rule]]]:
    for name in sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_")):
        yield f"{__name__}.{name}", _own(importlib.import_module(f"{__name__}.{name}").RULE)


def _own(rule: Rule) -> Callable[[], Rule]:
    return lambda: rule


def _announced() -> Iterator[tuple[str, Callable[[], Rule]]]:
    for origin, load in announced(ENTRY_POINTS):
        yield origin, cast(Callable[[], Rule], load)


def _fault(rule: Rule) -> str | None:
    is_own = (getattr(rule, "module", None) or type(rule).__module__).startswith(f"{__name__}.")
    if missing := lacking(rule, _PROMISED if is_own else _BROUGHT):
        return missing
    if rule.cause not in set(Cause):
        return f"{rule.cause!r} is no cause; there are {', '.join(Cause)}"
    return None if is_own else _fault_of_weights(getattr(rule, "weights", None))


def _fault_of_weights(weights: object) -> str | None:
    if not isinstance(weights, Mapping):
        return "its weights are no mapping of signs to numbers"
    wrong = [
        sign
        for sign, nats in weights.items()
        if not isinstance(sign, str) or not isinstance(nats, int | float) or not math.isfinite(nats)
    ]
    return f"the weight of {wrong[0]!r} is no finite number" if wrong else None
