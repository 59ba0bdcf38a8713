"""One module per intervention: one thing that is changed while the suspect steps are run again.

A module here ends in ``INTERVENTION``.  Interventions of other distributions are announced in entry points of the
group ``nanlog.interventions``; ``docs/replay.md`` shows one.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib import import_module
from typing import Literal, cast

from nanlog.plugins import Plugins, announced, lacking, taken_in
from nanlog.replay.worker.scene import Change, Scene

__all__ = ["Intervention", "interventions", "of_plugins"]

GROUP = "nanlog.interventions"


class Intervention:
    """Changes one thing.

    ``title`` is what is changed, in a few words.  ``causes`` are those it speaks about.  ``start`` says from where it
    runs: from the state right before the ``step`` that went bad, or from before the suspect ``window`` where the change
    needs time to act; with ``lasting`` it must stay finite for some steps more to count.
    """

    name: str = ""
    title: str = ""
    causes: tuple[str, ...] = ()
    start: Literal["step", "window"] = "step"
    lasting: bool = False

    def applies(self, scene: Scene) -> str | None:
        """Why it cannot be tried here, in one sentence without a full stop; None when it can."""
        return None

    def change(self, scene: Scene) -> AbstractContextManager[Change]:
        """The change, for as long as the context lasts; the state is restored afterwards by the caller."""
        return nullcontext(Change(self.title))


@cache
def interventions() -> tuple[Intervention, ...]:
    """Those of nanlog, by name, and then those of plug-ins."""
    return (*_own(), *of_plugins().whole)


def _own() -> tuple[Intervention, ...]:
    modules = (
        import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__) if each.name[0] != "_"
    )
    return tuple(sorted((module.INTERVENTION for module in modules), key=lambda each: each.name))


@cache
def of_plugins() -> Plugins[Intervention]:
    """Interventions of other distributions, and what is wrong with those that cannot be used."""
    return taken_in("intervention", _origins(), _fault)


def _origins() -> Iterator[tuple[str, Callable[[], Intervention]]]:
    for origin, load in announced(GROUP):
        yield origin, cast(Callable[[], Intervention], load)


def _fault(plugin: Intervention) -> str | None:
    if plugin.name in {each.name for each in _own()}:
        return f"nanlog has an intervention {plugin.name!r} of its own"
    return lacking(plugin, ("name", "title", "causes", "start", "applies", "change"))
