"""Tells the trainings inside one source apart.

Everything is put on one axis: the *place* of line l in the k-th file is ``k * 2**40 + l``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP, Attempt, Fact, IntArray, Mark, MarkKind, Span

_FILE = 40  #: a file has fewer than 2**40 lines

#: Printed by a training that ends, after its last point.
_CLOSING = {MarkKind.CHECKPOINT, MarkKind.END, MarkKind.EXCEPTION, MarkKind.FATAL, MarkKind.STOPPED_EARLY}
_FAILED = {MarkKind.EXCEPTION, MarkKind.FATAL}


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Where points lie and which step they belong to."""

    place: IntArray
    step: IntArray

    def in_order(self) -> Points:
        """The same points by place."""
        if np.all(self.place[1:] >= self.place[:-1]):
            return self
        order = np.argsort(self.place, kind="stable")
        return Points(self.place[order], self.step[order])

    def dated(self) -> Points:
        keep = self.step != NO_STEP
        return self if keep.all() else Points(self.place[keep], self.step[keep])


class Places:
    """Turns files and lines into places, and back."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self._index: Mapping[str, int] = {file: index for index, file in enumerate(files)}

    def of(self, said: Fact | Mark) -> int:
        return (self._index[said.file] << _FILE) + said.line

    def of_points(self, file: IntArray, line: IntArray) -> IntArray:
        return line if len(self._files) < 2 else (file << _FILE) + line

    def start(self, file: str) -> int:
        """The place before the first line of a file."""
        return self._index[file] << _FILE

    def file(self, place: int) -> str:
        return self._files[place >> _FILE]

    @staticmethod
    def line(place: int) -> int:
        return place & ((1 << _FILE) - 1)


def borders(points: Points, main: Points, marks: Sequence[Mark], places: Places) -> IntArray:
    """The sorted places at which each training but the first begins.

    A file that holds START marks is divided at these, any other where the step of the ``main`` series clearly falls.
    """
    starts = sorted({places.of(mark) for mark in marks if mark.kind is MarkKind.START})
    failures = [places.of(mark) for mark in marks if mark.kind in _FAILED]
    at_starts = _live(np.array(starts, np.int64), points.place, np.array(failures, np.int64))
    at_falls = _before_falls(points, main.dated().in_order(), marks, places, {place >> _FILE for place in starts})
    return np.union1d(at_starts, at_falls)


def attempt_of(borders: IntArray, place: IntArray) -> IntArray:
    """The attempt each place belongs to, counted from 0; of no size to speak of where there is only one."""
    if not len(borders):
        return np.broadcast_to(np.int64(0), place.shape)
    return np.searchsorted(borders, place, side="right")


def described(
    borders: IntArray, points: Points, facts: Sequence[Fact], marks: Sequence[Mark], places: Places
) -> tuple[Attempt, ...]:
    """The attempts that ``borders`` divide a run into; none where the log said nothing."""
    said = np.fromiter((places.of(item) for item in chain[Fact | Mark](facts, marks)), np.int64)
    resumed = {
        int(attempt_of(borders, np.array([places.of(mark)]))[0]): mark.text
        for mark in reversed(marks)
        if mark.kind is MarkKind.RESUME and mark.text
    }
    if not len(borders):
        return _one(points, said, resumed.get(0), places)
    everything = np.concatenate([points.place, said])
    first, last = _extremes(attempt_of(borders, everything), everything, len(borders) + 1)
    # the last line is one of the file that the attempt begins in
    home = everything >> _FILE == (first >> _FILE)[attempt_of(borders, everything)]
    _, last = _extremes(attempt_of(borders, everything[home]), everything[home], len(borders) + 1)
    dated = points.dated()
    low, high = _extremes(attempt_of(borders, dated.place), dated.step, len(borders) + 1)
    return tuple(
        Attempt(
            index,
            places.file(int(first[index])),
            places.line(int(first[index])),
            places.line(int(last[index])),
            int(low[index]) if low[index] <= high[index] else None,
            int(high[index]) if low[index] <= high[index] else None,
            resumed.get(index),
        )
        for index in range(len(borders) + 1 if len(everything) else 0)
    )


def _one(points: Points, said: IntArray, resumed: str | None, places: Places) -> tuple[Attempt, ...]:
    """The only attempt there is, without sorting its points into several."""
    if not len(points.place) and not len(said):
        return ()
    first = min(int(part.min()) for part in (points.place, said) if len(part))
    home = first >> _FILE
    ends = [part[part >> _FILE == home] for part in (points.place, said)]
    last = max(int(part.max()) for part in ends if len(part))
    step = points.dated().step
    low, high = (int(step.min()), int(step.max())) if len(step) else (None, None)
    return (Attempt(0, places.file(first), places.line(first), places.line(last), low, high, resumed),)


def spans(borders: IntArray, files: Sequence[str], places: Places) -> tuple[tuple[Span, ...], ...]:
    """For each training the lines of ``files`` (in the order of the source) that tell of it."""
    edges = [0, *borders.tolist(), None]
    found: list[tuple[Span, ...]] = []
    for begin, beyond in pairwise(edges):
        own = []
        for file in files:
            start = places.start(file)
            if (beyond is not None and start >= beyond) or (begin is not None and start + (1 << _FILE) <= begin):
                continue
            first = 0 if begin is None or begin <= start else begin - start
            own.append(Span(file, first, None if beyond is None or beyond >= start + (1 << _FILE) else beyond - start))
        found.append(tuple(own))
    return tuple(found)


def _live(starts: IntArray, points: IntArray, failures: IntArray) -> IntArray:
    """The starts that divide: something happened both before and after.

    A start that neither a point nor a failure follows only set something up (a solver made through pycaffe to look at
    its net); what it printed is counted with the training after it.
    """
    if not len(starts):
        return starts
    stretch = np.concatenate([np.searchsorted(starts, places, side="right") for places in (points, failures)])
    happened = np.flatnonzero(np.bincount(stretch, minlength=len(starts) + 1))
    return starts[happened[:-1]]


def _before_falls(points: Points, main: Points, marks: Sequence[Mark], places: Places, has_start: set[int]) -> IntArray:
    falls = [k for k in _clear_falls(main.step) if int(main.place[k]) >> _FILE not in has_start]
    # a progress bar is one line, however often it is drawn: a training that falls back within it cannot be told apart
    falls = [k for k in falls if main.place[k] > main.place[k - 1]]
    if not falls:
        return np.empty(0, np.int64)
    points = points.in_order()
    resumed = _places(marks, {MarkKind.RESUME}, places)
    closing = _places(marks, _CLOSING, places)
    return np.array([_end_of_old(main, k, points, closing, resumed) + 1 for k in falls], np.int64)


def _clear_falls(step: IntArray) -> list[int]:
    """Where the step falls and does not at once exceed all that was seen, as behind a single line printed late."""
    found: list[int] = []
    highest, since = NO_STEP, 0
    for fall in (np.flatnonzero(step[1:] < step[:-1]) + 1).tolist():
        highest = max(highest, int(step[since:fall].max()))
        since = fall
        if fall + 1 == len(step) or step[fall + 1] <= highest:
            found.append(fall)
            highest = NO_STEP
    return found


def _end_of_old(main: Points, fall: int, points: Points, closing: IntArray, resumed: IntArray) -> int:
    """The last place that belongs to the training before ``fall``: its last point, or what it printed in closing."""
    end = main.place[fall]
    begin = max(main.place[fall - 1], end >> _FILE << _FILE)  # a file before this one is all old
    resume = resumed[np.searchsorted(resumed, begin, side="right") :][:1]
    end = min((end, *resume))
    window = slice(*np.searchsorted(points.place, [begin, end]))
    old = points.place[window][points.step[window] >= main.step[fall - 1]]
    closed = closing[slice(*np.searchsorted(closing, [begin, end]))]
    return int(max((begin, *old[-1:], *closed[-1:])))


def _places(marks: Sequence[Mark], kinds: set[MarkKind], places: Places) -> IntArray:
    return np.array(sorted(places.of(mark) for mark in marks if mark.kind in kinds), np.int64)


def _extremes(group: IntArray, value: IntArray, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The least and the greatest value of each group; a least above the greatest where a group is empty."""
    limits = np.iinfo(np.int64)
    low, high = np.full(count, limits.max), np.full(count, limits.min)
    np.minimum.at(low, group, value)
    np.maximum.at(high, group, value)
    return low, high
