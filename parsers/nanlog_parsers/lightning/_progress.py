"""The states of the bars -> points with their steps.

A step is the number of batches trained since the training began: ``epoch * batches per epoch + batch``.

* A refresh draws the bar twice, first with the metrics of the refresh before; the last word on a batch is what counts.
* Metrics of a validation or of a whole epoch stand in every state until the next ones: they are points only where they
  are new.
* Lightning 1 counts the batches of validations in ``n/total``; they are taken off again.  Its ``loss`` is the mean over
  20 batches.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nanlog.model import BlockBuilder, SeriesInfo, Stage
from nanlog_parsers._names import Names

from ._bars import RUN_NUMBER, Bar, Item, Kind

__all__ = ["Progress"]

_PADDED_TO = 5
#: More different metrics than these are not read.
_MOST_METRICS = 10_000


@dataclass(slots=True)
class _Epoch:
    """An epoch: ``start`` is the step before it, ``drawn`` and ``total`` what its bar showed last.

    ``evaluated`` holds count and total of its last validation, by data loader; ``before`` counts the batches of the
    validations before that one.
    """

    number: int
    start: int
    total: int | None = None
    drawn: int = 0
    batch: int = 0
    before: int = 0
    evaluated: dict[str, tuple[int, int | None]] = field(default_factory=dict)

    @property
    def validations(self) -> int:
        """How many batches were validated on since the epoch began."""
        return self.before + sum(count for count, _ in self.evaluated.values())

    @property
    def is_validating(self) -> bool:
        return any(count != total for count, total in self.evaluated.values())

    def validate(self, loader: str, count: int, total: int | None) -> bool:
        """Note a state of the bar of a validation; False if it only stands there still.

        Before the first batch TQDM draws the bar without the name of a loader, then under the name of the loader
        before, then under its own.
        """
        if self.evaluated.get(loader) == (count, total):
            return False
        self.evaluated = {other: seen for other, seen in self.evaluated.items() if seen[0] or other == loader}
        if not count and "DataLoader" not in loader:
            self.before, self.evaluated = self.validations, {}
        elif count < self.evaluated.get(loader, (0, None))[0]:
            self.before += self.evaluated.pop(loader)[0]
            if not count:
                return True
        self.evaluated[loader] = count, total
        return True


@dataclass(slots=True)
class _Moment:
    """What was said of one batch; ``validated`` and ``ended`` say which metrics may be new.

    ``is_after`` says that the training was drawn behind the validation.
    """

    items: dict[str, Item] = field(default_factory=dict)
    validated: bool = False
    ended: bool = False
    is_after: bool = False


class Progress:
    """Follows the bars of one log; ``shift`` is added to every step."""

    def __init__(self, names: Names, shift: int = 0) -> None:
        self._names = names
        self.shift = shift
        self._epoch: _Epoch | None = None
        self._moment = _Moment()
        self.counts_validation: bool | None = None  #: whether ``n/total`` holds the batches of validations
        self._loss_is_mean: bool | None = None
        self._shows_validation = False
        self._infos: dict[str, SeriesInfo] = {}
        self._of_batches: set[str] = set()
        self._last: dict[str, str] = {}
        self._given: dict[str, int] = {}
        self._length: int | None = None
        self._is_first_epoch = True
        self.gap = 0  #: how many batches lay between the last two states
        self.resumed: tuple[int, int] | None = None  #: epoch and steps of the checkpoint that is gone on from

    @property
    def step(self) -> int | None:
        """The step that the bars have come to."""
        return None if self._epoch is None else self._epoch.start + self._epoch.batch + self.shift

    def begin(self, rows: BlockBuilder) -> None:
        """Another training begins."""
        self.flush(rows)
        self._epoch = None
        self.resumed = None
        self._given.clear()

    def falls_back(self, bar: Bar) -> bool:
        """Say whether a state belongs to another training than those before."""
        now = self._epoch
        if now is None or bar.kind is not Kind.TRAINING or not bar.batch:
            return False
        return bar.epoch < now.number or (bar.epoch == now.number and bar.batch < now.drawn)

    def take(self, bar: Bar, line: int, rows: BlockBuilder) -> None:
        """Note one state; the points of the batch before go to ``rows`` when another begins."""
        if bar.kind is Kind.VALIDATION:
            self._validate(bar)
        elif bar.kind is Kind.TRAINING and bar.batch and (bar.items or self._epoch is not None):
            self._learn(bar)
            self._turn_to(bar, line, rows)
            self._moment.ended |= bar.batch == bar.total
            items = self._moment.items
            for item in bar.items:
                known = items.get(item.name)
                if (known is None or known.text != item.text) and self._is_metric(item):
                    items[item.name] = item

    def give(self, name: str, value: float, step: int, line: int, rows: BlockBuilder) -> None:
        """A value that a message tells; it counts unless a bar shows it for this step."""
        shown = name in self._moment.items and (self._moment.validated or self._moment.ended)
        if not shown and self._given.get(name) != step:
            self._given[name] = step
            rows.add(self._info(name), step=step, value=value, line=line)

    def flush(self, rows: BlockBuilder) -> None:
        """Give what was said of the present batch."""
        moment, self._moment = self._moment, _Moment()
        step = self.step
        if step is None or not moment.items:
            return
        if not moment.items.keys() <= self._infos.keys():
            self._names.claim(name for name in moment.items if name != "loss" or not self._loss_is_mean)
        for name, item in moment.items.items():
            info = self._info(name)
            is_new = self._is_new(item, info, moment)
            if is_new and self._given.get(name) != step and (value := item.value) is not None:
                self._given[name] = step
                rows.add(info, step=step, value=value, line=item.line)

    def tell_length(self, line: int, rows: BlockBuilder) -> None:
        """State how many batches an epoch has, if that is known and new."""
        now = self._epoch
        if now is None or now.total is None or (self.counts_validation and not now.validations):
            return
        length = self._length_of(now)
        if length != self._length:
            self._length = length
            rows.fact("steps_per_epoch", length, line)

    def _is_metric(self, item: Item) -> bool:
        return item.name in self._infos or (item.name != RUN_NUMBER and len(self._infos) < _MOST_METRICS)

    def _info(self, name: str) -> SeriesInfo:
        if (info := self._infos.get(name)) is None:
            is_mean = name == "loss" and bool(self._loss_is_mean)
            info = self._infos[name] = self._names.info(name, smoothed=is_mean)
        return info

    def _is_new(self, item: Item, info: SeriesInfo, moment: _Moment) -> bool:
        """Say whether a metric was measured at this moment, and does not only still stand there."""
        name = item.name
        is_evaluation = info.stage is Stage.EVALUATION_AFTER
        if name in self._of_batches:
            return True
        is_summary = is_evaluation or name.endswith("_epoch")
        if name not in self._last and not (is_summary or moment.validated or moment.ended):
            self._of_batches.add(name)
            return True
        measured = moment.validated if is_evaluation and self._shows_validation else moment.ended
        # what stands there in the first epoch before any validation is left from the check before the training
        before = self._last.get(name, item.text if self._is_first_epoch else None)
        self._last[name] = item.text
        return measured or before != item.text

    def _validate(self, bar: Bar) -> None:
        now = self._epoch
        if now is None:
            return
        if self.counts_validation is None and now.drawn == now.total and not now.validations:
            self.counts_validation = False
        if now.validate(bar.what, bar.batch, bar.total):
            self._moment.validated = self._shows_validation = True
            self._moment.is_after = False

    def _learn(self, bar: Bar) -> None:
        """Tell from the first metrics which version draws the bar."""
        first = [item.name for item in bar.items[:2]]
        if self.counts_validation is None and first:
            if first[0] == RUN_NUMBER:
                self.counts_validation = False
            elif first == ["loss", RUN_NUMBER]:
                self.counts_validation = True
        if self._loss_is_mean is None and first and first[0] == "loss":
            text = bar.items[0].text
            is_short = bar.tail is None and len(text) < _PADDED_TO and "e" not in text
            is_padded = text.endswith(("0", ".")) and len(text) >= _PADDED_TO
            self._loss_is_mean = is_short or (first == ["loss", RUN_NUMBER] and not is_padded)

    def _turn_to(self, bar: Bar, line: int, rows: BlockBuilder) -> None:
        now = self._epoch
        if now is None or now.number != bar.epoch:
            self.flush(rows)
            self.tell_length(line, rows)
            self._is_first_epoch = now is None
            now = self._epoch = _Epoch(bar.epoch, self._start_of(bar))
        elif now.is_validating and bar.batch > now.drawn and self.counts_validation is None:
            self.counts_validation = True
        batch = self._batch_of(bar, now)
        if batch != now.batch:
            # a validation behind which nothing was drawn took place after the batches that were not drawn either
            is_later = self._moment.validated and not self._moment.is_after
            self._moment.validated = self._moment.validated and not is_later
            self.flush(rows)
            self._moment.validated = is_later
            self.gap = batch - now.batch
        self._moment.is_after = self._moment.validated
        now.batch, now.drawn, now.total = batch, bar.batch, bar.total

    def _batch_of(self, bar: Bar, now: _Epoch) -> int:
        if not self.counts_validation:
            return bar.batch
        # how many of the batches were those of a validation is known for sure only when it is over
        return now.batch if now.is_validating else max(now.batch, bar.batch - now.validations)

    def _start_of(self, bar: Bar) -> int:
        now = self._epoch
        if now is None or bar.epoch < now.number:
            if self.counts_validation and self.resumed is not None and self.resumed[0] == bar.epoch - 1:
                return self.resumed[1]
            return bar.epoch * (bar.total or 0)
        return now.start + (bar.epoch - now.number) * self._length_of(now)

    def _length_of(self, epoch: _Epoch) -> int:
        """How many batches of an epoch are trained on."""
        if epoch.total is None:
            return epoch.batch
        return epoch.total - epoch.validations if self.counts_validation else epoch.total
