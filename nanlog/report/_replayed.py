"""What a replay made of the causes, in a few lines; ``nanlog replay`` itself says it in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nanlog.report._words import name

if TYPE_CHECKING:
    from nanlog.model import Report
    from nanlog.report._page import Page

__all__ = ["replayed"]

_LABEL = 19


def replayed(page: Page, report: Report) -> None:
    """The cause that was confirmed, or that none was; nothing where the run was not replayed."""
    if report.replay is None:
        return
    page.heading("Replay")
    for label, words in _rows(report.replay):
        page.item(page.text(words), lead=page.text(f"  {label}", "cyan"), indent=_LABEL)


def _rows(replay: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A file may hold anything: what is not as expected is left out."""
    confirmed = [each for each in _listed(replay.get("causes")) if each.get("verdict") == "confirmed"]
    for each in confirmed:
        because = [text for text in each.get("because") or () if isinstance(text, str)]
        yield "confirmed", name(str(each.get("cause"))) + (f": {because[0]}" if because else "")
    if not confirmed:
        yield "not confirmed", _why_not(replay)
    if (first := _place(replay.get("first_nonfinite"))) is not None:
        yield "arises", first
    if isinstance(change := replay.get("smallest_change"), str):
        yield "smallest change", name(change)


def _why_not(replay: Mapping[str, Any]) -> str:
    if replay.get("reproduced") is False:
        return "the steps stayed finite when they were run again"
    return "the steps went bad again, and no single cause was proved"


def _place(first: Any) -> str | None:
    if not isinstance(first, Mapping):
        return None
    parts = [f"step {first.get('step')}, {str(first.get('phase')).replace('_', ' ')}"]
    if isinstance(what := first.get("op") or first.get("tensor"), str):
        parts.append(name(what))
    if isinstance(first.get("file"), str):
        parts.append(f"{first['file']}:{first.get('line')}")
    return ", ".join(parts)


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
