"""A walk over all batches of a target without the model: samples that no training can learn from.

Nothing is kept of a batch but a few numbers: for each tensor a histogram of the sizes of its samples and the largest of
them.  What is absurd is judged at the end, beside the whole walk.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from nanlog.replay.input_scan import InputRange, InputScan, SuspectSample
from nanlog.replay.plan import Plan
from nanlog.replay.protocol import Send

from .faults import said
from .probe import batch_names
from .samples import ABSURD, size_of
from .training import Training

__all__ = ["IGNORED_LABEL", "Bounds", "bounds_of", "scan", "scanned"]

#: The label that torch's losses leave out by default.
IGNORED_LABEL = -100
#: A modified z-score beyond this is an outlier: Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993).
_OUTLIER = 3.5
#: So that the median absolute deviation estimates the standard deviation of a normal variable (the same source).
_TO_SIGMA = 0.6745
#: Bins of a tenth of a decade, from the smallest to the largest number of double precision.
_BINS_PER_DECADE, _LOWEST_DECADE = 10, -324
_MOST_LISTED, _MOST_CANDIDATES, _MOST_TENSORS = 1000, 256, 256
_MOST_BATCHES = 1_000_000
#: A function of the step has no end.
_MOST_STEPS = 10_000
#: The width of the last layer is the number of classes only if few labels lie beyond it: labels out of range end most
#: trainings at once, whereas identities (metric learning) outnumber the width.
_FEW = 0.1


@dataclass(frozen=True, slots=True)
class Bounds:
    """What integers of a batch may be.

    ``classes`` as the model states it, ``width`` of its last layer, ``vocabulary`` of its embeddings; None where
    it is not known.
    """

    classes: int | None = None
    width: int | None = None
    vocabulary: int | None = None


@dataclass(slots=True)
class _Sizes:
    """The largest absolute values of the samples of one tensor."""

    dtype: str
    minimum: float = math.inf
    maximum: float = -math.inf
    bins: Counter[int] = field(default_factory=Counter)
    largest: list[tuple[float, int, int, tuple[int, ...], float]] = field(default_factory=list)

    def add(self, size: float, batch: int, sample: int, index: tuple[int, ...], value: float) -> None:
        if size > 0:
            self.bins[_bin(size)] += 1
        entry = (size, -batch, -sample, index, value)
        if len(self.largest) < _MOST_CANDIDATES:
            heapq.heappush(self.largest, entry)
        else:
            heapq.heappushpop(self.largest, entry)

    def median(self) -> float | None:
        """To a tenth of a decade."""
        middle = _middle(self.bins)
        return None if middle is None else _size(middle)

    def spread(self) -> float:
        """The median absolute deviation, in decades; at least one bin."""
        middle = _middle(self.bins)
        away: Counter[int] = Counter()
        for each, count in self.bins.items():
            away[abs(each - (middle or 0))] += count
        return max(_middle(away) or 0, 1) / _BINS_PER_DECADE


def _bin(size: float) -> int:
    return round((math.log10(size) - _LOWEST_DECADE) * _BINS_PER_DECADE)


def _size(bin_: int) -> float:
    return float(10.0 ** (bin_ / _BINS_PER_DECADE + _LOWEST_DECADE))


def _middle(counts: Counter[int]) -> int | None:
    half, seen = counts.total() / 2, 0
    for each in sorted(counts):
        seen += counts[each]
        if seen >= half:
            return each
    return None


def scan(training: Training, plan: Plan, send: Send) -> None:
    """Walk over the batches of a training and send what was found."""

    def tell(batches: int) -> None:
        if batches % 100 == 0:
            send("stage", says=f"{batches} batches of inputs read", total=None)

    send("scan", scan=scanned(_batches(training), bounds_of(training.model), tell=tell))


def _batches(training: Training) -> Iterator[Any]:
    """Each batch once, in the order of the data, where the data can be walked over; else those of the first steps."""
    given = getattr(getattr(training, "batches", None), "given", None)
    if isinstance(given, Mapping):
        yield from given.values()
    elif isinstance(given, Iterable):
        yield from given
    else:
        for step in range(_MOST_STEPS):
            try:
                yield training.batch(step)
            except LookupError:
                return


def scanned(
    batches: Iterable[Any],
    bounds: Bounds = Bounds(),
    *,
    tell: Callable[[int], object] = lambda _: None,
    most: int = _MOST_BATCHES,
) -> InputScan:
    """Look at every sample of ``batches``, each read once.

    ``tell`` is called with the number of batches read.  What the batches raise ends the walk and is told.
    """
    walk = _Walk(bounds)
    why = None
    iterator = iter(batches)
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            break
        except Exception as error:  # noqa: BLE001  the user's data set may raise anything: that is a finding
            why = f"batch {walk.batches} could not be read: {said(error)}"
            break
        walk.look(batch)
        tell(walk.batches)
        if walk.batches >= most:
            why = f"{most} batches were read, the most that are"
            break
    return walk.found(why)


class _Walk:
    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.batches = self.samples = 0
        self._sizes: dict[str, _Sizes] = {}
        self._suspects: list[SuspectSample] = []
        self._counts: Counter[str] = Counter()
        self._whole = self._labels = self._beyond = 0
        self._wide: list[SuspectSample] = []

    def look(self, batch: Any) -> None:
        number, size = self.batches, size_of(batch)
        self.batches += 1
        self.samples += size or 1
        self._whole += size is None
        for name, tensor in batch_names(batch):
            if (
                tensor.layout is not torch.strided
                or tensor.is_nested
                or not tensor.numel()
                or tensor.dtype is torch.bool
            ):
                continue
            rows = (
                tensor.detach()
                if size is not None and tensor.dim() and tensor.shape[0] == size
                else tensor.detach()[None]
            )
            self._look_at(number, name or "input", torch.view_as_real(rows) if rows.is_complex() else rows)

    def _look_at(self, number: int, name: str, rows: torch.Tensor) -> None:
        flat = rows.reshape(len(rows), -1)
        if flat.shape[1] == 0:
            return
        if rows.is_floating_point():
            flat = flat.float() if flat.element_size() == 1 else flat
            finite = torch.isfinite(flat)
            for sample in (~finite.all(1)).nonzero().flatten().tolist():
                self._nonfinite(number, sample, name, rows[sample], flat[sample])
            flat = torch.where(finite, flat, torch.zeros_like(flat))
        else:
            self._bounds(number, name, rows)
        self._size_up(number, name, rows, flat)

    def _size_up(self, number: int, name: str, rows: torch.Tensor, flat: torch.Tensor) -> None:
        sizes = self._sizes.get(name)
        if sizes is None:
            if len(self._sizes) >= _MOST_TENSORS:
                return
            sizes = self._sizes[name] = _Sizes(str(rows.dtype).removeprefix("torch."))
        sizes.minimum = min(sizes.minimum, float(flat.min()))
        sizes.maximum = max(sizes.maximum, float(flat.max()))
        if rows.is_floating_point():
            largest, where = flat.abs().max(1)
            values = flat.gather(1, where[:, None]).flatten().tolist()
            for sample, (size, place) in enumerate(zip(largest.tolist(), where.tolist(), strict=True)):
                sizes.add(size, number, sample, _index(place, rows.shape[1:]), values[sample])

    def _nonfinite(self, number: int, sample: int, name: str, row: torch.Tensor, flat: torch.Tensor) -> None:
        bad = (~torch.isfinite(flat)).nonzero().flatten()
        value, index = float(flat[bad[0]]), _index(int(bad[0]), row.shape)
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        self._note(number, sample, name, "nonfinite", index, value, f"{name}{list(index)} is {value:g}{more}")

    def _bounds(self, number: int, name: str, rows: torch.Tensor) -> None:
        """Class numbers and tokens: anything else that is an integer may be negative and large."""
        if name == "label":
            known = self.bounds.classes
            ignored = rows == IGNORED_LABEL
            self._out_of_range(number, name, rows, (rows < 0) & ~ignored, "class numbers begin at 0")
            if known is not None:
                says = f"there are {known} classes (0 to {known - 1})"
                self._out_of_range(number, name, rows, rows >= known, says)
            elif self.bounds.width is not None:
                self._labels += len(rows)
                self._note_beyond(number, name, rows, self.bounds.width)
        elif name == "input" and (known := self.bounds.vocabulary) is not None:
            says = f"the largest embedding has {known} entries (0 to {known - 1})"
            self._out_of_range(number, name, rows, (rows < 0) | (rows >= known), says)

    def _out_of_range(self, number: int, name: str, rows: torch.Tensor, bad: torch.Tensor, why: str) -> None:
        for found in _bad_rows(number, name, rows, bad, why):
            self._add(found)

    def _note_beyond(self, number: int, name: str, rows: torch.Tensor, width: int) -> None:
        """Labels beyond the last layer, told at the end if they are few."""
        says = f"the last layer has {width} outputs (0 to {width - 1})"
        for found in _bad_rows(number, name, rows, rows >= width, says):
            self._beyond += 1
            if len(self._wide) < _MOST_LISTED:
                self._wide.append(found)

    def _note(
        self, batch: int, sample: int, name: str, problem: str, index: tuple[int, ...], value: float, says: str
    ) -> None:
        self._add(SuspectSample(batch, sample, name, problem, index, value, says))

    def _add(self, found: SuspectSample) -> None:
        self._counts[found.problem] += 1
        if len(self._suspects) < _MOST_LISTED:
            self._suspects.append(found)

    def found(self, why: str | None) -> InputScan:
        self._absurd()
        if self._beyond <= _FEW * self._labels:
            for each in self._wide:
                self._add(each)
        notes = [f"{self._whole} batches could not be taken apart into samples"] if self._whole else []
        hidden = self._counts.total() - len(self._suspects)
        if hidden:
            notes.append(f"{hidden} more are counted but not listed")
        ranges = tuple(
            InputRange(name, s.dtype, _known(s.minimum), _known(s.maximum), s.median())
            for name, s in self._sizes.items()
        )
        self._suspects.sort(key=lambda each: (each.batch, each.sample))
        return InputScan(
            self.batches,
            self.samples,
            tuple(self._suspects),
            tuple(sorted(self._counts.items())),
            ranges,
            tuple(notes),
            why,
        )

    def _absurd(self) -> None:
        for name, sizes in self._sizes.items():
            usual = sizes.median()
            if usual is None:
                continue
            for size, batch, sample, index, value in sorted(sizes.largest, reverse=True):
                score = _TO_SIGMA * math.log10(size / usual) / sizes.spread() if size > 0 else 0.0
                if size <= ABSURD * usual or score <= _OUTLIER:
                    break
                says = f"{name}{list(index)} is {value:.4g}; the largest value of the median sample is {usual:.2g}"
                self._note(-batch, -sample, name, "absurd", index, value, says)


def _index(place: int, shape: torch.Size) -> tuple[int, ...]:
    index = []
    for length in reversed(shape):
        place, rest = divmod(place, length)
        index.append(rest)
    return tuple(reversed(index))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _bad_rows(number: int, name: str, rows: torch.Tensor, bad: torch.Tensor, why: str) -> Iterator[SuspectSample]:
    for sample in bad.reshape(len(rows), -1).any(1).nonzero().flatten().tolist():
        index = tuple(bad[sample].nonzero()[0].tolist()) if rows.dim() > 1 else ()
        value = int(rows[sample][index])
        yield SuspectSample(
            number, sample, name, "out_of_range", index, value, f"{name}{list(index) or ''} is {value}: {why}"
        )


def bounds_of(model: torch.nn.Module) -> Bounds:
    """From a model's configuration (``num_labels``, ``num_classes``), its last layer and its embeddings."""
    layers = [each for each in model.modules() if isinstance(each, torch.nn.Linear | torch.nn.modules.conv._ConvNd)]
    widths = [each.out_features if isinstance(each, torch.nn.Linear) else each.out_channels for each in layers]
    width = widths[-1] if widths else None
    owners = (getattr(model, "config", None), getattr(model, "hparams", None), model)
    names = ("num_labels", "num_classes", "n_classes")
    stated = ((name, getattr(owner, name, None)) for owner in owners for name in names)
    # A configuration of Hugging Face has num_labels = 2 where nobody set it: some layer must be as wide.
    sound = (each for name, each in stated if name != "num_labels" or not widths or each in widths)
    classes = next((each for each in sound if type(each) is int and each > 1), None)
    tables = [each.num_embeddings for each in model.modules() if isinstance(each, torch.nn.Embedding)]
    return Bounds(classes, width if width is not None and width > 1 else None, max(tables, default=None))
