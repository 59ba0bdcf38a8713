"""Which numbers of a line are values of series, and what the series are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from nanlog_parsers._names import Names, words
from nanlog_parsers._numbers import number

from ._counters import Counters, Samples
from ._phrase import Number, words_of

__all__ = ["CLOCK_UNITS", "UNREPEATED", "Value", "data_set", "find_values", "is_known", "is_loss", "series_of"]

#: Words for the data a line was measured on.
_EVALUATION = (
    "val|valid|validate|validation|validating|eval|evaluation|evaluating|evaluate|dev|heldout|held-out|test|testing"
)
_DATA_SET = re.compile(rf"(?<![\w./\\-])(?:({_EVALUATION})|(train|training))(?![\w./\\])", re.IGNORECASE | re.ASCII)
_TRAIN = {"train", "training", "trn"}
_TEST = {"test", "testing"}
_AVERAGE = {"avg", "average", "mean", "ave", "smooth", "smoothed", "median", "global", "running", "ema"}
#: Stands for a name that does not come again.
UNREPEATED = "unrepeated"
#: Numbers with such names are about the machine, the clock, or the best value so far.
_NO_SERIES = {
    *("eta", "elapsed", "remaining", "rank", "pid", "port", "gpu", "cuda", "device", "version", "seed", "worker"),
    *("host", "node", "best", "lowest", "previous", "prev", "target", "threshold", "patience"),
    UNREPEATED,
}
#: The cost of these is time, not a loss.
_OF_THE_CLOCK = {"reader", "batch", "time", "data", "forward", "backward"}
CLOCK_UNITS = {"h", "d", "m", "hr", "hrs", "min", "mins", "hours", "days"}
_ARROW = ("->", "-->", "=>", "==>", "\xe2\x86\x92")
#: ``100: 2.5, 3.1 avg, 0.001 rate`` (Darknet): the name behind the number.
_BEHIND = re.compile(r"\s{1,3}([A-Za-z][A-Za-z _]{1,20}?)\s*(?:[,;|]|$)", re.ASCII)
_OTHER_NAMES = {"l.r": "lr", "l.rate": "lr", "learn rate": "lr"}
_MOST_VALUES = 1500


@dataclass(frozen=True, slots=True)
class Value:
    """A number that is a point of a series: its place in the line and what the line calls the series.

    ``split`` is the data set that the line names apart from the name; ``averaged`` marks a running mean.
    """

    place: int
    name: str
    split: str = ""
    averaged: bool = False


@lru_cache(4096)
def series_of(name: str) -> str:
    """The plain name of the series that a name stands for."""
    return Names().info(name).name


@lru_cache(4096)
def is_known(name: str) -> bool:
    """Whether a name is one of the quantities that trainings have in common: a loss, a rate, a norm, a scale."""
    return bool(name) and "metric/" not in series_of(name)


@lru_cache(4096)
def is_loss(name: str) -> bool:
    """Whether a name is that of a training loss, or of a part of it."""
    named = series_of(name)
    return named in {"loss", "loss_smoothed"} or named.startswith("loss/")


def data_set(text: str) -> str | None:
    """The data set that a text speaks of last: ``val``, ``test``, "" for training data; None where it names none."""
    last = None
    for found in _DATA_SET.finditer(text):
        word = (found[1] or "").lower()
        last = "" if not word else ("test" if word in _TEST else "val")
    return last


def find_values(line: str, numbers: Sequence[Number], counters: Counters, samples: Samples) -> list[Value]:
    """Name the values of lines of one shape; ``line`` is one of them."""
    finder = _Finder(line, numbers, counters, samples)
    for place, one in enumerate(numbers[:_MOST_VALUES]):
        if not one.ignored and place not in counters.used:
            finder.look_at(place, one)
    return finder.found


class _Finder:
    def __init__(self, line: str, numbers: Sequence[Number], counters: Counters, samples: Samples) -> None:
        self.found: list[Value] = []
        self._line = line
        self._numbers = numbers
        self._counters = counters
        self._samples = samples
        self._taken: set[tuple[str, str, bool]] = set()
        self._split: str | None = None

    def look_at(self, place: int, one: Number) -> None:
        if not self._can_be_read(place) or one.right.lstrip().startswith(_ARROW) or self._is_of_a_bar(place, one):
            return
        last = self.found[-1] if self.found else None
        if last is not None and last.place == place - 1 and self._follows(place, one, last):
            return
        name = _OTHER_NAMES.get(one.name.lower(), one.name) if self._is_value(one) else ""
        if not name and not one.name:
            name = self._name_from_counter(place, one) or self._name_behind(place, one)
        if name and not self._is_no_series(name, one):
            self._add(place, name)

    def _is_of_a_bar(self, place: int, one: Number) -> bool:
        """The percentage of a progress bar; ``.95`` of ``mAP@.5:.95``; what has commas between thousands."""
        behind = self._numbers[place + 1] if place + 1 < len(self._numbers) else None
        if one.is_percent and place + 1 in self._counters.used and place + 2 in self._counters.used:
            return True
        thousands = behind is not None and behind.left == "," and len(behind.text) == 3 and not one.opened
        return thousands or (one.text.startswith(".") and one.left.endswith(":"))

    def _can_be_read(self, place: int) -> bool:
        """Whether at least half of the numbers in this place are numbers, not hashes or versions."""
        column = self._samples.column(place)
        return 2 * sum(number(_plain(text)) is not None for text in column) >= len(column)

    def _follows(self, place: int, one: Number, last: Value) -> bool:
        """A second number of the same series: its mean in brackets, the rest of a list, its share in percent."""
        left = one.left.strip()
        closed = one.right.lstrip().startswith((")", "]")) and not one.unit
        if one.opened == "(" and closed and (not one.name or set(words(one.name)) <= _AVERAGE):
            self._add_mean(place, last)
            return True
        if one.name or left not in {",", "/", "", "-"}:
            return one.opened == "(" and bool(one.is_percent or one.unit)
        listed = left == "," and self._numbers[last.place].opened in {"[", "("}
        whole = self._samples.is_whole(place) and self._samples.is_whole(last.place)
        if listed or (left == "/" and not whole):
            base, _, index = last.name.rpartition("[")
            known = base and index.endswith("]") and index[:-1].isdigit()
            self._add(place, f"{base}[{int(index[:-1]) + 1}]" if known else f"{last.name}[1]", split=last.split)
        return listed or left in {"/", ""}

    def _add_mean(self, place: int, last: Value) -> None:
        """The running mean behind a value: for an evaluation it is what counts, of a metric it says nothing new."""
        if last.split:
            self.found[-1] = replace(last, place=place)
        elif is_loss(last.name):
            self._add(place, last.name, averaged=True, split="")

    def _is_value(self, one: Number) -> bool:
        if not one.name:
            return False
        if one.is_strong:
            return one.opened != "(" or one.joint == "="
        if one.opened or (one.is_percent and not one.left.strip()):
            return False
        return bool(self._counters) or is_known(one.name)

    def _name_from_counter(self, place: int, one: Number) -> str:
        """``Score at iteration 100 is 0.5``, ``Train loss 12 0.45``, ``[TRAIN] loss (step 5): 0.3``."""
        if place - 1 not in self._counters.used or one.opened or one.joint in {"=", "|"}:
            return ""
        before = self._numbers[place - 1]
        if before.left.strip()[:1] == "/" and place >= 2:
            before = self._numbers[place - 2]
        said = before.phrase.split()
        own = before.name.split()
        if said and own and said[-len(own) :] == own and len(said) > len(own):
            said = said[: -len(own)]
            while said and said[-1].lower() in {"at", "after", "in", "on", "for", "the", "of"}:
                said = said[:-1]
        elif one.joint == "" and one.left.strip():
            return ""
        name = " ".join(said[-4:])
        if name.lower() == "score":  # what deeplearning4j calls its loss
            name = "score (loss)"
        return name if is_known(name) else ""

    def _name_behind(self, place: int, one: Number) -> str:
        if one.left.strip() not in {":", ",", "", "|"} or one.joint == "=":
            return ""
        behind = _BEHIND.match(one.right)
        name = behind[1].strip() if behind is not None else ""
        if name.lower() in {"avg", "avg loss"}:
            return "avg loss"
        if name.lower() == "rate":
            return "rate"
        first = not self.found and self._counters.step == place - 1
        darknet = first and not name and " avg" in self._line and " rate," in self._line
        return "loss" if darknet else ""

    def _is_no_series(self, name: str, one: Number) -> bool:
        said = set(words_of(name))
        if said & _NO_SERIES or one.unit.lower() in CLOCK_UNITS or ("cost" in said and said & _OF_THE_CLOCK):
            return True
        return bool(one.unit) and is_known(name)

    def _add(self, place: int, name: str, *, averaged: bool = False, split: str | None = None) -> None:
        if self._split is None:
            self._split = data_set(self._line[: self._numbers[place].begin]) or ""
        if split is None:
            split = "" if set(words(name)) & _TRAIN else self._split
        if (name, split, averaged) in self._taken:
            split = data_set(self._line[: self._numbers[place].begin]) or split
            if (name, split, averaged) in self._taken:
                name = _group(self._line, self._numbers[place].begin) + name
        if (name, split, averaged) not in self._taken:
            self._taken.add((name, split, averaged))
            self.found.append(Value(place, name, split, averaged))


def _plain(text: str) -> str:
    return text.removesuffix(".0") if text.lower().endswith(("nan.0", "inf.0")) else text


def _group(line: str, place: int) -> str:
    """What the bracket around a place belongs to: ``tot_loss/`` in ``tot_loss[loss=2.3``."""
    depth = 0
    for at in range(min(place, len(line)) - 1, max(place - 2000, -1), -1):
        if line[at] in ")]}":
            depth += 1
        elif line[at] in "([{":
            if depth == 0:
                word = re.search(r"[A-Za-z_][\w.]{0,60}[ =:\"']{0,4}$", line[max(at - 70, 0) : at])
                return f"{word[0].strip(' =:')}/".replace('"', "").replace("'", "") if word is not None else ""
            depth -= 1
    return ""
