"""Settings of frameworks that keep them in trees: hyper-parameters, configuration of a model, of DeepSpeed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nanlog.model import Fact, Run

__all__ = ["Setting", "Stated"]

_TREES = ("hparams.", "trainer.", "model.", "deepspeed.")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: ``key`` is its last name, ``parent`` the object it stands in; both in lower case."""

    fact: Fact
    key: str
    parent: str

    @property
    def number(self) -> float | None:
        """The value as a number; None for words and switches."""
        if isinstance(self.fact.value, bool):
            return None
        try:
            return float(self.fact.value)
        except ValueError:
            return None

    @property
    def word(self) -> str:
        return str(self.fact.value).lower()

    @property
    def is_on(self) -> bool:
        return self.word in ("true", "1", "yes", "on")


class Stated:
    """The settings of a run, in the order in which they are stated."""

    def __init__(self, run: Run) -> None:
        named = ((fact, fact.key.lower().rpartition(".")) for fact in run.facts if fact.key.startswith(_TREES))
        self._all = [Setting(fact, key, parent) for fact, (parent, _, key) in named]
        self._by_key: dict[str, list[Setting]] = {}
        for setting in self._all:
            self._by_key.setdefault(setting.key, []).append(setting)

    def __iter__(self) -> Iterator[Setting]:
        return iter(self._all)

    def named(self, *keys: str) -> Iterator[Setting]:
        """Every setting of these names; the first name's come first."""
        return (setting for key in keys for setting in self._by_key.get(key, ()))

    def number(self, *keys: str, parent: str | None = None) -> Setting | None:
        """The last setting of these names whose value is a number, in one object or anywhere."""
        found = [s for s in self.named(*keys) if s.number is not None and parent in (None, s.parent)]
        return found[-1] if found else None

    def beside(self, setting: Setting, key: str) -> Setting | None:
        """The setting of another name in the same object."""
        return next((other for other in self.named(key) if other.parent == setting.parent), None)
