"""The shape of a rule: signs for and against one cause, remedies, one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nanlog.model import Case, Cause, Finding, Sign
from nanlog.rules._view import View, view_of


@dataclass(frozen=True, slots=True)
class CauseRule:
    """A rule made of plain functions over a :class:`~nanlog.rules._view.View`.

    ``signs`` yields named evidence; its weight, for or against, stands in ``weights.toml``.  A cause with no sign is
    not mentioned.  ``needs`` are series (or ``fact:KEY``) without which the rule can say little; a trailing ``*``
    matches any rest; how to have them logged is the framework's to say (:class:`~nanlog.rules._advice.Advice`).
    """

    module: str
    cause: Cause
    signs: Callable[[View], Iterator[Sign]]
    remedies: Callable[[View], Iterator[str]]
    next_test: Callable[[View], str]
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2]

    def judge(self, case: Case) -> Iterator[Finding]:
        view = view_of(case)
        signs = tuple(self.signs(view))
        if not signs:
            return
        yield Finding(
            rule=self.name,
            cause=self.cause,
            signs=signs,
            layer=view.located.layer if view.located is not None else None,
            phase=view.phase,
            remedies=tuple(self.remedies(view)),
            next_test=self.next_test(view),
        )
