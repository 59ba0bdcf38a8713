"""The causes: one module per rule, found by walking this package and the entry points ``nanlog.rules``.

A module ends in ``RULE``; its name states the bad thing and is the rule's name.  Its docstring has six headings (What
it sees, Why it ends in NaN, Fires on, Quiet on, What to do, May be wrong when); ``nanlog explain`` prints it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points

from nanlog.model import Rule


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of their names; those of plug-ins last."""
    names = sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))
    own: list[Rule] = [importlib.import_module(f"{__name__}.{name}").RULE for name in names]
    return (*own, *(entry.load() for entry in entry_points(group="nanlog.rules")))


def rule_module(rule: Rule) -> str:
    """The documentation of a rule: the docstring of the module that defines it."""
    module = getattr(rule, "module", None) or type(rule).__module__
    return (importlib.import_module(module).__doc__ or "").strip()
