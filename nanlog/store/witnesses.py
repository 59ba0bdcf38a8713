"""Puts together what several streams of files tell of one training.

A table beside a log, the ``train`` and ``validation`` folders of TensorBoard, one file for each rank: each stream is
divided into attempts by itself.  Who joined a training late has seen fewer attempts than the others, so the streams are
aligned at their last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nanlog.model import Attempt, Block, Fact, Mark, MarkKind, Series, Span

from .attempts import Places, Points, attempt_of, borders, described, spans
from .columns import Columns, Grouped

_MAIN = ("loss", "loss_smoothed", "lr")
#: Printed with at least three significant digits, a value is within this share of the one in a table.
_ROUNDED = 5e-3
#: Two series that share this many of their values are one, told twice.
_SAME = 0.5


class Witness:
    """One stream: what a parser read in files that follow one another."""

    def __init__(self, files: Sequence[str]) -> None:
        self._all_files = files
        self._columns = Columns(files)
        self._seen: dict[str, None] = {}
        self._facts: list[Fact] = []
        self._marks: list[Mark] = []

    def add(self, block: Block) -> None:
        self._seen.setdefault(block.file)
        self._columns.add(block)
        self._facts += block.facts
        self._marks += block.marks

    def testimony(self) -> Testimony:
        """Divide it into attempts; can be called once."""
        places = Places(self._all_files)
        grouped = self._columns.grouped()
        points = Points(places.of_points(grouped.file, grouped.line), grouped.step)
        main = grouped.spans.get(_main(grouped), slice(0, 0))
        divided = borders(points, Points(points.place[main], points.step[main]), self._marks, places)
        table = grouped.table(attempt_of(divided, points.place))
        attempts = described(divided, points, self._facts, self._marks, places)
        files = [file for file in self._all_files if file in self._seen]
        return Testimony(tuple(files), table, attempts, spans(divided, files, places))


@dataclass(frozen=True, eq=False)
class Testimony:
    """The series and attempts of one stream; ``spans[k]`` are the lines of its k-th attempt."""

    files: tuple[str, ...]
    table: dict[str, Series]
    attempts: tuple[Attempt, ...]
    spans: tuple[tuple[Span, ...], ...]

    @cached_property
    def weight(self) -> tuple[bool, int]:
        """The stream with the greatest weight says where attempts begin: one with the loss, else the longest."""
        main = next((self.table[name] for name in _MAIN if name in self.table), None)
        longest = max((len(series) for series in self.table.values()), default=0)
        return main is not None, len(main) if main is not None else longest


@dataclass(frozen=True, slots=True)
class Agreed:
    """What all streams together say; ``doubled`` marks the series that one of them repeats."""

    table: dict[str, Series]
    attempts: tuple[Attempt, ...]
    doubled: tuple[Mark, ...] = ()


def agreed(told: Sequence[Testimony], files: Sequence[str]) -> Agreed:
    """Join the streams of a run; ``files`` are all its files."""
    if len(told) == 1:
        only = told[0]
        attempts = tuple(replace(a, spans=only.spans[a.index]) for a in only.attempts)
        return Agreed(only.table, attempts)
    timed = [each for each in told if each.table] or [each for each in told if each.attempts]
    count = max((len(each.attempts) for each in timed), default=0)
    timed.sort(key=lambda each: each.weight, reverse=True)
    always = tuple(Span(file, 0, None) for each in told if each not in timed for file in each.files)
    attempts = tuple(_attempt(k, count, timed, always) for k in range(count))
    table, doubled = _reconciled([_shifted(each, count) for each in timed], files)
    return Agreed(table, attempts, doubled)


def _attempt(index: int, count: int, timed: Sequence[Testimony], always: tuple[Span, ...]) -> Attempt:
    own = [(each, index - count + len(each.attempts)) for each in timed]
    own = [(each, k) for each, k in own if k >= 0]
    found = [each.attempts[k] for each, k in own]
    resumed = next((a.resumed_from for a in found if a.resumed_from is not None), None)
    together = tuple(span for each, k in own for span in each.spans[k])
    return replace(found[0], index=index, resumed_from=resumed, spans=(*together, *always))


def _shifted(told: Testimony, count: int) -> dict[str, Series]:
    shift = count - len(told.attempts)
    if not shift:
        return told.table
    return {name: replace(series, attempt=series.attempt + shift) for name, series in told.table.items()}


def _reconciled(
    tables: Iterable[dict[str, Series]], files: Sequence[str]
) -> tuple[dict[str, Series], tuple[Mark, ...]]:
    """One series for each name: the one with most points; what differs from it is kept under a name of its own."""
    table: dict[str, Series] = {}
    doubled: dict[tuple[str, str], list[tuple[str, Series]]] = {}
    for name, series in ((name, series) for each in tables for name, series in each.items()):
        if name not in table:
            table[name] = series
            continue
        better, other = (table[name], series) if len(table[name]) >= len(series) else (series, table[name])
        table[name] = better
        if _repeats(other, better):
            pair = (files[int(other.file[0])], files[int(better.file[0])])
            doubled.setdefault(pair, []).append((name, other))
        else:
            own = _own_name(name, files[int(other.file[0])], table)
            table[own] = replace(other, info=replace(other.info, name=own))
    return table, tuple(_mark(pair, told) for pair, told in doubled.items())


def _repeats(other: Series, better: Series) -> bool:
    """Whether ``other`` says nothing that ``better`` does not: its values are there, and it breaks nowhere alone."""
    if not np.isfinite(other.value).all() and np.isfinite(better.value).all():
        return False
    known = np.sort(better.value[np.isfinite(better.value)])
    values = other.value[np.isfinite(other.value)]
    if not len(values) or not len(known):
        return True
    above = np.searchsorted(known, values).clip(max=len(known) - 1)
    nearest = np.minimum(np.abs(known[above] - values), np.abs(known[np.maximum(above - 1, 0)] - values))
    return bool(np.mean(nearest <= _ROUNDED * np.abs(values) + 1e-4) >= _SAME)


def _mark(pair: tuple[str, str], told: list[tuple[str, Series]]) -> Mark:
    """Says at its first point what the first file of a pair repeats of the second."""
    name, first = told[0]
    more = f" and {len(told) - 1} more series" if len(told) > 1 else ""
    says = f"{name}{more} are told here too; they are taken from {pair[1]}"
    return Mark(MarkKind.NOTE, pair[0], int(first.line[0]), text=says)


def _own_name(name: str, file: str, table: dict[str, Series]) -> str:
    """``loss`` of a second file is ``loss/<file>``."""
    stem = f"{name}/{file.replace(chr(92), '/').rpartition('/')[2]}"
    place, own = 2, stem
    while own in table:
        own, place = f"{stem}~{place}", place + 1
    return own


def _main(grouped: Grouped) -> str:
    longest = max(grouped.spans, key=lambda name: grouped.spans[name].stop - grouped.spans[name].start, default="")
    return next((name for name in _MAIN if name in grouped.spans), longest)
