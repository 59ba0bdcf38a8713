"""Plug-ins that are installed and cannot be used."""

from __future__ import annotations

from nanlog import registry, rules
from nanlog.cli._group import complain

__all__ = ["name_broken_plugins"]


def name_broken_plugins() -> None:
    """Say on standard error which plug-ins are left out, and why."""
    for plugin in (*registry.broken(), *rules.broken()):
        complain(str(plugin))
