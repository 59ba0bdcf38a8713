"""Which numbers of a line count: steps, epochs, batches of an epoch, and how many there are.

A counter is known by its name (``step``, ``iter``, ``Epoch``, ``num_updates``), by standing before how many there are
(``[10/50]``, ``100 / 2000``), or, where nothing on the line has such a name, by being the only whole number that rises
from line to line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ._phrase import Number, words_of

__all__ = ["Counters", "Samples", "find_counters", "is_counter", "may_count"]

#: Quantities that count, the one that says most exactly where the training is first.
_STEPS = {
    "timesteps": 1,
    "timestep": 1,
    "update": 2,
    "updates": 2,
    "up": 2,
    "step": 2,
    "iteration": 3,
    "iter": 3,
    "itr": 3,
    "it": 3,
    "niter": 3,
    "steps": 4,
    "iterations": 4,
    "iters": 4,
}
_ALWAYS_GLOBAL = {"timesteps", "timestep", "update", "updates", "up"}
_BATCHES = {"batch", "minibatch", "batches", "mb"}
_EPOCHS = {"epoch", "ep", "epoche", "epoc"}
#: What is counted where no steps are.
_LAST_RESORT = (
    *("episode", "episodes", "round", "generation", "gen", "tick", "trial", "game", "cycle", "frame", "frames"),
    *("kimg", "sample", "samples", "images", "tokens", "tree", "trees"),
)
#: Say which of them, but not that it is something else.
_WHICH = {
    *("train", "training", "trn", "val", "valid", "validation", "test", "eval"),
    *("current", "cur", "this", "global", "total", "num", "number", "n", "no", "nr", "idx", "id", "index"),
    *("learning", "optimizer", "optim", "completed", "trainer", "inner", "env", "main", "done", "starting"),
}
_COUNTING = {*_STEPS, *_BATCHES, *_EPOCHS, *_LAST_RESORT}
_PART_OF_A_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+", re.ASCII)
_GUESSED, _UNRANKED = 7, 9
_ALL = {"global"}
_ONE_OF = re.compile(r"\s*(?:/|of|out of)\s*", re.ASCII)
#: A whole number, or the batches from one to another (MXNet).
_INTEGER = re.compile(r"\d{1,15}(?:-\d{1,15})?", re.ASCII)
#: ``step 1.2M``: a counter that is printed for people.
_SHORT = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,3})?")
_IN_THOUSANDS = re.compile(r"[kKM](?!\w)")
_IN_BRACKETS = re.compile(r"\([^()]{0,80}\)")


class Samples:
    """The numbers of some lines of one shape, as texts, in the order of the log."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, place: int) -> list[str]:
        return [row[place] for row in self._rows]

    def is_whole(self, place: int) -> bool:
        return all(_INTEGER.fullmatch(text) for text in self.column(place))

    def is_short(self, place: int) -> bool:
        """Whether all are whole thousandths, as in ``1.2M``."""
        return all(_SHORT.fullmatch(text) for text in self.column(place))

    def rises(self, place: int, least: int = 1) -> bool:
        """Whether the numbers never fall, and differ; restarts and epochs let them fall now and then."""
        if len(self._rows) < least or not self.is_whole(place):
            return False
        values = [int(text.rpartition("-")[2]) for text in self.column(place)]
        if len(values) == 1:
            return True
        rises = sum(b > a for a, b in pairwise(values))
        falls = sum(b < a for a, b in pairwise(values))
        return rises > 0 and falls <= rises // 8

    def is_constant(self, place: int) -> bool:
        return len(set(self.column(place))) == 1


@dataclass(frozen=True, slots=True)
class Counters:
    """Places of the numbers that count, None where the line has none.

    ``of`` is how many batches an epoch has (or steps the training), ``epochs`` how many epochs.  ``is_global`` says
    that the step certainly goes on over epochs, ``names`` are the words the step goes by, ``rank`` how good a counter
    it is (the less the better).  ``in_epoch`` says that the line tells of a part of an epoch.  ``used`` are all places
    that count, those of no further use included.
    """

    step: int | None = None
    of: int | None = None
    epoch: int | None = None
    epochs: int | None = None
    is_global: bool = False
    is_batch: bool = False
    is_named: bool = False
    in_epoch: bool = False
    rank: int = _UNRANKED
    used: frozenset[int] = frozenset()

    @property
    def is_guess(self) -> bool:
        """Whether nothing but rising from line to line speaks for the counter."""
        return not self.is_named and self.rank >= _GUESSED

    def __bool__(self) -> bool:
        return self.step is not None or self.epoch is not None


@dataclass(frozen=True, slots=True)
class _Named:
    place: int
    kind: str  #: step, batch, epoch or other
    rank: int
    is_global: bool


def find_counters(numbers: Sequence[Number], samples: Samples) -> Counters:
    """Tell what counts in lines of one shape."""
    pairs = _pairs(numbers, samples)
    second = set(pairs.values())
    named = [
        found
        for place, number in enumerate(numbers)
        if place not in second and not number.ignored
        if samples.is_whole(place) or (_IN_THOUSANDS.match(number.right) and samples.is_short(place))
        if (found := _named(place, number)) is not None
    ]
    loose = [place for place in pairs if _is_unnamed_pair(numbers[place]) and all(n.place != place for n in named)]
    epoch = next((n.place for n in named if n.kind == "epoch"), None)
    if epoch is None and len(loose) > 1 and not any(n.kind == "step" for n in named):
        epoch = loose.pop(0)
    if epoch is None and loose and not named:
        epoch = _before_brackets(numbers, samples, loose[0])
    steps = sorted((n for n in named if n.kind in {"step", "batch"}), key=lambda n: (n.rank, n.place))
    count = [*(n.place for n in named if n.kind != "other"), *loose, *([] if epoch is None else [epoch])]
    used = frozenset(count) | {pairs[place] for place in count if place in pairs}
    epochs = pairs.get(epoch) if epoch is not None else None
    if steps:
        return _with_step(
            steps[0], Counters(epoch=epoch, epochs=epochs, used=used, in_epoch=bool(loose)), pairs, samples
        )
    if loose:
        return Counters(
            loose[0], pairs[loose[0]], epoch, epochs, is_batch=epoch is not None, rank=5, used=used, in_epoch=True
        )
    if epoch is not None:
        return Counters(epoch=epoch, epochs=epochs, is_named=True, used=used)
    return _without_names(numbers, samples, pairs) or _last_resort(named)


def _with_step(step: _Named, others: Counters, pairs: dict[int, int], samples: Samples) -> Counters:
    of, epoch = pairs.get(step.place), others.epoch
    if epoch is None and step.kind == "batch" and of is not None and not samples.is_constant(of):
        # "Batch 2/400": the batch of an epoch, not so many of so many
        return replace(others, step=of, epoch=step.place, is_batch=True, is_named=True, in_epoch=True)
    is_batch = epoch is not None and not step.is_global and (step.kind == "batch" or of is not None)
    rank = -1 if of is not None and step.kind == "step" and epoch is None else step.rank
    return replace(
        others,
        step=step.place,
        of=of,
        is_global=step.is_global,
        is_batch=is_batch,
        is_named=True,
        rank=rank,
        in_epoch=others.in_epoch or of is not None or step.kind == "batch",
    )


def _pairs(numbers: Sequence[Number], samples: Samples) -> dict[int, int]:
    """Places of numbers that stand as one of so many, and of how many there are."""
    found: dict[int, int] = {}
    for place in range(len(numbers) - 1):
        one, other = numbers[place], numbers[place + 1]
        if place in found.values() or one.ignored or other.ignored or _ONE_OF.fullmatch(other.left) is None:
            continue
        if samples.is_whole(place) and samples.is_whole(place + 1):
            found[place] = place + 1
    return found


def _named(place: int, number: Number) -> _Named | None:
    if not (number.name or number.unit) or number.joint == "is" or number.is_percent:
        return None
    found = words_of(_IN_BRACKETS.sub("", number.name))
    left = [word for word in found if word not in _WHICH]
    if not left and number.unit.lower() in _EPOCHS | _BATCHES:  # 3epoch:train:1-500batch
        left = [number.unit.lower()]
    if len(left) != 1:
        return None
    word = left[0]
    if word in _EPOCHS:
        return _Named(place, "epoch", 8, False)
    if word in _BATCHES:
        return _Named(place, "batch", 5, False)
    if word in _STEPS:
        sure = bool(_ALL & set(found)) or word in _ALWAYS_GLOBAL or "total" in found
        rank = 0 if _ALL & set(found) else _STEPS[word]
        return _Named(place, "step", rank, sure)
    if word in _LAST_RESORT:
        return _Named(place, "other", 10 + _LAST_RESORT.index(word), False)
    return None


def may_count(name: str) -> bool:
    """Whether a name has any of the words that counters are called by; cheap."""
    return not _COUNTING.isdisjoint([word.lower() for word in _PART_OF_A_WORD.findall(name)])


def is_counter(name: str) -> bool:
    """Whether a number of this name counts."""
    return may_count(name) and _named(0, Number("0", 0, 1, "", "", name)) is not None


def _is_unnamed_pair(number: Number) -> bool:
    """``[10/50]``, ``Test: [10/50]``, ``| 10/50 [``, ``Train: 10/50``: a pair that no other quantity is the name of."""
    if number.opened == "[" or not number.name:
        return True
    return all(word in _WHICH for word in words_of(number.name))


def _before_brackets(numbers: Sequence[Number], samples: Samples, pair: int) -> int | None:
    """``Train: 3 [ 50/1251``: what stands directly before a pair in brackets is the epoch."""
    place = pair - 1
    if place < 0 or numbers[place].ignored or not samples.is_whole(place) or not numbers[place].name:
        return None
    return place if numbers[pair].opened == "[" and numbers[pair].left.strip() == "[" else None


def _without_names(numbers: Sequence[Number], samples: Samples, pairs: dict[int, int]) -> Counters | None:
    """``[1,  2000] loss: 2``, ``[100] loss=2``, ``100: 2.5, 3.1 avg``, ``Train loss 12 0.45``."""
    free = [
        place
        for place, number in enumerate(numbers)
        if not number.ignored and place not in pairs and samples.is_whole(place)
    ]
    for place in free:
        one, name = numbers[place], numbers[place].name
        if name:
            continue
        behind = numbers[place + 1] if place + 1 < len(numbers) else None
        listed = one.opened == "[" and one.right.strip() == "," and place + 1 in free
        if listed and behind is not None and behind.right.lstrip().startswith("]"):
            return Counters(place + 1, None, place, is_batch=True, used=frozenset({place, place + 1}))
        leads = one.right.lstrip()[:1] in {":", "|", "]", ")"} and all(n.ignored or not n.name for n in numbers[:place])
        if leads and behind is not None and samples.rises(place):
            return Counters(place, rank=6, used=frozenset({place}))
    for place in free:
        behind = numbers[place + 1] if place + 1 < len(numbers) else None
        follows = behind is not None and not behind.name and behind.joint in {"", ":"} and not behind.opened
        if follows and numbers[place].name and samples.rises(place, 2) and not samples.is_whole(place + 1):
            return Counters(place, rank=7, used=frozenset({place}))
    for place in free:
        if not numbers[place].name and len(numbers) > 1 and samples.rises(place, 4):
            return Counters(place, rank=7, used=frozenset({place}))
    return None


def _last_resort(named: Sequence[_Named]) -> Counters:
    if not named:
        return Counters()
    best = min(named, key=lambda n: n.rank)
    return Counters(best.place, is_named=True, rank=best.rank, used=frozenset({best.place}))
