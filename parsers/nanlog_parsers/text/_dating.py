"""Which step of the training each row of a log belongs to.

Lines count steps in ways of their own: a step that goes on for ever, an epoch and the batch in it, an epoch alone, or
nothing at all below a line that counts.  Here all of it becomes one count:

* a step is taken as it is printed;
* epoch and batch become ``(epoch - first) * batches + batch``, where the first epoch is the one the program counts
  from (0 or 1) and ``batches`` is printed (``11/50``) or seen from how far the batches count before the next epoch;
* an epoch alone is the step in a log that says nothing finer, else it belongs to the last step before it;
* rows that count nothing belong to the step before them; in a block between rules or blank lines that has its step
  further down, to that;
* an evaluation after the last batch of an epoch was made with the parameters that the next step begins with: it is
  given that step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from nanlog.model import NO_STEP

from ._roles import Roles

__all__ = ["Counted", "Counting", "Dates", "Dating", "counting"]

Rows = NDArray[np.int64]

_NO_HEADING = 99


class Counting(Enum):
    """How the rows of a shape count."""

    STEP = auto()
    EPOCH_AND_BATCH = auto()
    BATCH = auto()  #: of an epoch that stands elsewhere, or nowhere
    EPOCH = auto()
    NOTHING = auto()


def counting(roles: Roles) -> Counting:
    """How lines with these roles count."""
    counters = roles.counters
    if counters.step is None:
        return Counting.EPOCH if counters.epoch is not None else Counting.NOTHING
    if counters.epoch is not None:
        return Counting.STEP if counters.is_global else Counting.EPOCH_AND_BATCH
    return Counting.BATCH if counters.of is not None and not counters.is_global else Counting.STEP


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Rows of one shape with what they count; -1 where a row does not."""

    roles: Roles
    rows: Rows
    step: Rows
    of: Rows
    epoch: Rows

    @property
    def kind(self) -> Counting:
        return counting(self.roles)

    @property
    def trains(self) -> bool:
        return bool(self.roles.values) and not self.roles.is_evaluation


@dataclass(frozen=True, slots=True, eq=False)
class Dates:
    """For each row its step (:data:`~nanlog.model.NO_STEP`: none), and the last step logged at or before it.

    ``is_next`` marks rows that were measured before the step they are given, ``own`` those that say their step
    themselves.
    """

    step: Rows
    last: Rows
    is_next: NDArray[np.bool_]
    own: NDArray[np.bool_]


@dataclass(slots=True)
class _Batches:
    """Rows that count batches, in the order of the log."""

    rows: Rows
    epoch: Rows
    batch: Rows
    of: Rows
    by_default: NDArray[np.bool_]  #: whether such rows count from the beginning of the epoch unless seen otherwise


@dataclass(slots=True)
class Dating:
    """What has been learned of how one log counts; rows come a stretch at a time."""

    finer: bool = False
    has_parts: bool = False
    first_epoch: int | None = None
    restarts_each_epoch: bool | None = None
    size: int = 0
    gap: int = 1
    first_batch: int = 1
    turn: int = 0
    last_step: int = NO_STEP
    heading_rank: int = _NO_HEADING
    has_epoch_headings: bool = False
    ordinal: int = 0
    _last: tuple[int, int, int] = (-1, -1, 0)  #: epoch, batch, of
    _last_before: tuple[int, int, int] = (-1, -1, 0)  #: the same before this stretch
    _epoch: int = -1
    _epoch_began: int = -1
    _totals: set[int] = field(default_factory=set)

    def is_average(self, roles: Roles) -> bool:
        """Whether lines tell of an epoch as a whole, in a log that tells of its parts as well."""
        counters = roles.counters
        if counters.epoch is None or counters.in_epoch:
            return False
        return self.has_parts or (counters.step is None and self.finer)

    @property
    def has_step_headings(self) -> bool:
        """Whether steps stand on lines of their own, above or below the values."""
        return self.heading_rank < _NO_HEADING

    @property
    def interval(self) -> int:
        """How many steps lie between two logged ones."""
        return self.gap

    def date(self, counted: list[Counted], count: int, block: Rows | None) -> Dates:
        """Date ``count`` rows, from which was learned before; ``block`` numbers the blocks they lie in."""
        self._last_before = self._last
        step = np.full(count, NO_STEP, np.int64)
        for one in counted:
            if one.kind is Counting.STEP and self._dates(one):
                step[one.rows] = one.step
        epoch = self._epochs(counted, count)
        batches = self._batches(counted, epoch)
        if batches is not None:
            step[batches.rows] = self._of_batches(batches)
        for one in counted:
            if one.kind is Counting.EPOCH and not self.finer and self._dates(one):
                step[one.rows] = one.epoch
        context = _filled(step, self.last_step)
        dated = context.copy()
        if block is not None:
            _from_below(dated, step, block)
        is_next = self._evaluations(counted, dated, batches, count)
        self._keep_interval(step)
        self.last_step = int(context[-1]) if count else self.last_step
        return Dates(dated, context, is_next, step != NO_STEP)

    def in_turn(self, rows: Rows, count: int) -> Dates:
        """Number ``rows`` themselves: for logs that count nothing at all."""
        step = np.full(count, NO_STEP, np.int64)
        step[rows] = self.ordinal + np.arange(len(rows))
        self.ordinal += len(rows)
        context = _filled(step, self.last_step)
        self.last_step = int(context[-1]) if count else self.last_step
        return Dates(context, context, np.zeros(count, np.bool_), step != NO_STEP)

    def learn(self, counted: list[Counted]) -> None:
        """Learn from some rows how this log counts."""
        for one in counted:
            kind, counters = one.kind, one.roles.counters
            if one.roles.heading and kind in {Counting.STEP, Counting.BATCH, Counting.EPOCH_AND_BATCH}:
                self.heading_rank = min(self.heading_rank, counters.rank)
            elif one.roles.heading:
                self.has_epoch_headings = True
            elif one.trains and kind is not Counting.EPOCH and kind is not Counting.NOTHING:
                self.finer = True
                self.has_parts |= counters.in_epoch
                if len(self._totals) < 100:
                    self._totals.update(np.unique(one.of[one.of > 0])[:10].tolist())

    def _dates(self, one: Counted) -> bool:
        """Whether rows that count on their own do so for this log, not for themselves (batches of an evaluation)."""
        if one.roles.heading:
            if one.kind is Counting.EPOCH:
                return not self.has_step_headings
            return one.roles.counters.rank == self.heading_rank
        if one.roles.is_evaluation and one.kind is Counting.BATCH:
            return bool(len(one.of)) and int(one.of[0]) in self._totals and one.roles.counters.is_named
        return not (one.roles.is_evaluation and one.kind in {Counting.EPOCH_AND_BATCH, Counting.EPOCH} and self.finer)

    def _epochs(self, counted: list[Counted], count: int) -> Rows:
        """The epoch each row lies in, as far as rows have said so."""
        epoch = np.full(count, -1, np.int64)
        for one in counted:
            if one.roles.counters.epoch is not None:
                epoch[one.rows] = one.epoch
        epoch = _filled(epoch, self._epoch)
        self._epoch = int(epoch[-1]) if count else self._epoch
        return epoch

    def _batches(self, counted: list[Counted], epoch: Rows) -> _Batches | None:
        kinds = {Counting.EPOCH_AND_BATCH, Counting.BATCH}
        own = [one for one in counted if one.kind in kinds and self._dates(one)]
        if not own:
            return None
        rows = np.concatenate([one.rows for one in own])
        order = np.argsort(rows, kind="stable")
        has_own = np.concatenate([np.full(len(one.rows), one.kind is Counting.EPOCH_AND_BATCH) for one in own])
        default = np.concatenate(
            [np.full(len(one.rows), one.roles.counters.is_batch or one.kind is Counting.BATCH) for one in own]
        )
        known = has_own | self.has_epoch_headings
        batches = _Batches(
            rows[order],
            np.where(known[order], epoch[rows[order]], -1),
            np.concatenate([one.step for one in own])[order],
            np.concatenate([one.of for one in own])[order],
            default[order],
        )
        if self.first_epoch is None and len(batches.epoch) and batches.epoch[0] >= 0:
            first = int(batches.epoch[0])
            counts_to = any(one.roles.counters.epochs is not None for one in counted)
            self.first_epoch = first if first < 2 else int(counts_to)
        return batches

    def _of_batches(self, batches: _Batches) -> Rows:
        """The step of rows that count batches."""
        epoch, batch = batches.epoch, batches.batch
        last_epoch, last_batch, _ = self._last
        epoch_before = np.concatenate(([last_epoch], epoch[:-1]))
        batch_before = np.concatenate(([last_batch], batch[:-1]))
        if (batch == 0).any():
            self.first_batch = 0
        new = np.flatnonzero((epoch > epoch_before) & (epoch_before >= 0) & (batch >= 0))
        self._see_whether_it_restarts(batch[new] <= batch_before[new])
        self._see_size(batches, new, batch_before)
        size = np.where(batches.of > 0, batches.of, self.size)
        restarts = batches.by_default if self.restarts_each_epoch is None else self.restarts_each_epoch
        offset = np.where((epoch >= 0) & restarts, (epoch - (self.first_epoch or 0)) * size, 0)
        offset += np.where(epoch < 0, self._turns(batches, batch_before) * size, 0)
        self._last = (int(epoch[-1]), int(batch[-1]), int(size[-1]))
        return np.where(batch >= 0, np.maximum(offset, 0) + batch, NO_STEP)

    def _see_whether_it_restarts(self, falls: NDArray[np.bool_]) -> None:
        if self.restarts_each_epoch is None and len(falls):
            self.restarts_each_epoch = bool(2 * np.count_nonzero(falls) >= len(falls))

    def _see_size(self, batches: _Batches, new: Rows, before: Rows) -> None:
        """How many batches an epoch has where that is not printed: as many as were counted before it was over."""
        rises = np.diff(batches.batch, prepend=self._last[1])
        same = np.concatenate(([self._last[0]], batches.epoch[:-1])) == batches.epoch
        steps = rises[same & (rises > 0)]
        if len(steps):
            self.gap = int(np.median(steps[-101:]))
        if self._epoch_began < 0:
            self._epoch_began = int(batches.batch[0])
        if not self.size and len(new) and not (batches.of > 0).any():
            self.size = max(int(before[new[0]]) - self._epoch_began + self.gap, 0)
        known = batches.of[batches.of > 0]
        if len(known):
            self.size = int(known[-1])

    def _turns(self, batches: _Batches, before: Rows) -> Rows:
        """How often the batches have begun anew in a log that names no epochs."""
        falls = np.flatnonzero((batches.batch < before) & (batches.epoch < 0) & (batches.batch >= 0))
        turns = [self.turn]
        for place in falls.tolist():
            of = int(batches.of[place])
            finished = of > 0 and int(before[place]) + self.gap >= of + self.first_batch
            self.turn = self.turn + 1 if finished else 0
            turns.append(self.turn)
        return np.repeat(turns, np.diff(falls, prepend=0, append=len(batches.rows)))

    def _evaluations(
        self, counted: list[Counted], dated: Rows, batches: _Batches | None, count: int
    ) -> NDArray[np.bool_]:
        """Give evaluations after an epoch the step they come before; return which rows those are."""
        is_next = np.zeros(count, np.bool_)
        if self.size <= 0 or self.restarts_each_epoch is False or not self.finer or self.first_epoch is None:
            return is_next
        epoch, batch = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
        last_epoch, last_batch, _ = self._last_before
        if batches is not None:
            epoch[batches.rows], batch[batches.rows] = batches.epoch, batches.batch
        epoch, batch = _filled(epoch, last_epoch), _filled(batch, last_batch)
        for one in counted:
            if not one.roles.is_evaluation or (self._dates(one) and one.kind is not Counting.NOTHING):
                continue
            own = np.where(one.epoch >= 0, one.epoch, epoch[one.rows])
            over = (own >= 0) & (batch[one.rows] + self.gap > self.size)
            rows = one.rows[over]
            dated[rows] = (own[over] - self.first_epoch + 1) * self.size + self.first_batch
            is_next[rows] = True
        return is_next

    def _keep_interval(self, step: Rows) -> None:
        logged = step[step != NO_STEP]
        rises = np.diff(logged)
        rises = rises[rises > 0]
        if len(rises) and not self._last[2]:
            self.gap = int(np.median(rises[-101:]))


def _filled(values: Rows, before: int) -> Rows:
    """``values`` with each -1 replaced by the value above it, ``before`` where there is none."""
    place = np.where(values >= 0, np.arange(len(values)), -1)
    place = np.maximum.accumulate(place) if len(place) else place
    return np.where(place >= 0, values[place], before)


def _from_below(dated: Rows, step: Rows, block: Rows) -> None:
    """Date rows above the first row of their block that counts, in place."""
    own = np.flatnonzero(step != NO_STEP)
    blocks, first = np.unique(block[own], return_index=True)
    if not len(blocks):
        return
    at = np.searchsorted(blocks, block)
    at[at == len(blocks)] = 0
    first_row = own[first][at]
    above = (blocks[at] == block) & (np.arange(len(block)) < first_row)
    dated[above] = step[first_row[above]]
