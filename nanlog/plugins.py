"""Takes in what other distributions announce in entry points: what is whole is used, what is broken is named.

A plug-in is somebody else's code.  Whatever goes wrong while it is imported is a sentence about it, never the end of
the program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

__all__ = ["Broken", "Plugins", "announced", "lacking", "taken_in"]

#: What importing somebody else's module may raise without being a reason to end.
_BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


class Named(Protocol):
    """All that a parser and a rule have in common."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True)
class Broken:
    """A plug-in that could not be used: where it was found, why, and what it was to be."""

    origin: str
    why: str
    kind: str = "parser"

    def __str__(self) -> str:
        return f"the {self.kind} {self.origin} is left out: {self.why}"


@dataclass(frozen=True, slots=True)
class Plugins(Generic[T]):
    """What could be used, in the order found, and what could not."""

    whole: tuple[T, ...]
    broken: tuple[Broken, ...]


def announced(group: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Where each entry point of ``group`` leads (``module:NAME``), and what loads it; sorted by name."""
    from importlib.metadata import entry_points

    for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value)):
        yield entry.value, entry.load


def taken_in(kind: str, origins: Iterable[tuple[str, Callable[[], T]]], fault: Callable[[T], str | None]) -> Plugins[T]:
    """Load everything; of two with one name the first stays.

    ``fault`` says what is wrong with something that was loaded: it may lack anything, ``name`` included.
    """
    found: dict[str, T] = {}
    broken: list[Broken] = []
    for origin, load in origins:
        try:
            plugin = load()
            why = fault(plugin)
        except _BROKEN as error:
            why = f"{type(error).__name__}: {error}"
        if why is None and plugin.name in found:
            why = f"there is another {kind} called {plugin.name!r}"
        if why is None:
            found[plugin.name] = plugin
        else:
            broken.append(Broken(origin, why, kind))
    return Plugins(tuple(found.values()), tuple(broken))


def lacking(plugin: object, promised: Iterable[str]) -> str | None:
    """The sentence for what a plug-in should have and has not."""
    missing = [word for word in promised if not hasattr(plugin, word)]
    return f"it has no {' and no '.join(missing)}" if missing else None
