"""Events as the values of an outcome."""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Sequence

from nanlog.replay.outcome import Benign, FirstNonfinite, ReplayPhase
from nanlog.replay.worker.faults import shown_path

from ._events import Event
from ._leaves import Leaves
from ._origin import Origin
from ._raised import Raised

__all__ = ["benign_places", "first_nonfinite", "raised_instead"]

_MOST_BENIGN, _MOST_VIA = 50, 12


def first_nonfinite(origin: Origin, step: int) -> FirstNonfinite:
    event = origin.event
    if event.leaf is not None:
        return _of_leaf(event, step)
    site = event.call.where
    written = (each.writes for each in origin.path)
    owner = next((leaf for leaf in written if leaf), None) if event.phase is ReplayPhase.UPDATE else None
    return FirstNonfinite(
        step,
        event.phase,
        module=owner.module if owner else event.call.module,
        op=event.op,
        tensor=owner.tensor if owner else None,
        file=None if site.file is None else shown_path(site.file),
        line=site.line,
        samples=event.samples,
        value=event.kinds.word(),
        dtype=event.dtype,
        code=_code(event),
        module_type=event.call.kind,
        operands=event.operands,
        via=_via(origin.path),
    )


def _of_leaf(event: Event, step: int) -> FirstNonfinite:
    leaf = event.leaf
    assert leaf is not None  # noqa: S101  the caller saw to it
    return FirstNonfinite(
        step,
        leaf.phase,
        module=leaf.module,
        tensor=leaf.tensor,
        samples=event.samples,
        value=event.kinds.word(),
        dtype=event.dtype,
        operands=event.operands,
        via=(leaf.detail,) if leaf.detail else (),
    )


def raised_instead(raised: Raised, step: int, leaves: Leaves) -> FirstNonfinite:
    """For a step that an operator ended."""
    site, wrong = raised.call.where, raised.misplaced
    leaf = leaves.at(wrong.span) if wrong else None
    lines = str(raised.error).strip().splitlines()
    said = f"{type(raised.error).__name__}: {lines[0][:300]}" if lines else type(raised.error).__name__
    return FirstNonfinite(
        step,
        raised.phase,
        module=raised.call.module,
        op=raised.call.op or None,
        tensor=leaf.tensor if leaf and leaf.phase is ReplayPhase.INPUT else None,
        file=None if site.file is None else shown_path(site.file),
        line=site.line,
        samples=wrong.rows if wrong else None,
        value=said,
        code=None
        if site.file is None or site.line is None
        else linecache.getline(site.file, site.line).strip() or None,
        module_type=raised.call.kind,
    )


def benign_places(events: Iterable[Event], harmful: frozenset[int]) -> tuple[Benign, ...]:
    """Where something non-finite was made that reached nothing that matters; each place once."""
    found: dict[tuple[object, ...], list[Event]] = {}
    for event in events:
        if event.number not in harmful and event.makes:
            site = event.call.where
            found.setdefault((event.phase, event.op, event.call.module, site.file, site.line), []).append(event)
    return tuple(_benign(same) for same in list(found.values())[:_MOST_BENIGN])


def _benign(same: Sequence[Event]) -> Benign:
    event = same[0]
    site = event.call.where
    if event.leaf is not None:
        says = f"{event.leaf.tensor or 'a tensor'} holds {_counted(event)}, which reached nothing that matters"
    elif event.deliberate:
        says = f"{event.op} wrote {event.kinds.word()} on purpose, and nothing turned it into NaN"
    else:
        times = "" if len(same) == 1 else f" (and {len(same) - 1} times more)"
        into = f" for {event.writes.detail or 'the value'} of {event.writes.tensor}" if event.writes else ""
        says = f"{event.op} gave {_counted(event)}{into}{times}, which reached nothing that matters"
    return Benign(
        says,
        event.phase,
        op=event.op or None,
        module=event.call.module,
        file=None if site.file is None else shown_path(site.file),
        line=site.line,
    )


def _counted(event: Event) -> str:
    return f"{event.kinds.word()} in {event.kinds.total} of {event.size} value{'s' if event.size != 1 else ''}"


def _via(path: tuple[Event, ...]) -> tuple[str, ...]:
    """The operators after the origin, each once where it follows itself."""
    found: list[str] = []
    for event in path[1:]:
        if event.op and (not found or found[-1] != event.op):
            found.append(event.op)
    return tuple(found[:_MOST_VIA])


def _code(event: Event) -> str | None:
    site = event.call.where
    if site.file is None or site.line is None:
        return None
    return linecache.getline(site.file, site.line).strip() or None
