"""What the numbers of a shape mean: learned once from one line, and from how the numbers of some lines differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nanlog_parsers._ranks import rank_and_text

from ._counters import Counters, Samples, find_counters
from ._header import Header
from ._phrase import Number, phrase
from ._values import Value, data_set, find_values, is_known

__all__ = ["NOTHING", "Roles", "learn"]

#: A line without any of these is prose; to look closer would be wasted on it.
_HINT = re.compile(
    rb"loss|epoch|step|iter|batch|update|\bit\b|\blr\b|rate|grad|norm|nan|inf|acc|score|reward|nll|elbo|objective|cost"
    rb"|criterion|ppl|perplexity|error|scale|[=:|\t]",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]{2,}")
#: Lines that count but tell of files, not of the training itself.
_ASIDE = re.compile(
    r"\b(?:sav(?:e|ed|ing)|load(?:ed|ing)?|resum\w*|checkpoint|restor\w*|wrote|writ\w+|every|until|will|warm-?up|best)\b",
    re.IGNORECASE,
)
_RANK = re.compile(r"\b(?:local_|global_)?rank[ :=]{1,2}(\d{1,5})\b", re.IGNORECASE)
_MOST_WORDS_OF_A_HEADING = 5


@dataclass(frozen=True, slots=True)
class Roles:
    """What the numbers of one shape mean.

    ``split`` is the data set of the line; ``heading`` says that it counts and has no values: those follow on lines of
    their own.  ``pinned`` are places of numbers that are parts of names, ``rank`` the process that printed the line.
    """

    counters: Counters = field(default_factory=Counters)
    values: tuple[Value, ...] = ()
    split: str = ""
    heading: bool = False
    pinned: tuple[int, ...] = ()
    rank: str = ""

    @property
    def is_evaluation(self) -> bool:
        """Whether every value was measured on an evaluation set."""
        return bool(self.values) and all(_is_evaluation(value) for value in self.values)

    @property
    def has_known(self) -> bool:
        return any(is_known(value.name) for value in self.values)


NOTHING = Roles()


def _is_evaluation(value: Value) -> bool:
    return bool(value.split) or bool(data_set(re.sub(r"[_/\-]", " ", value.name)))


def learn(content: bytes, places: Sequence[tuple[int, int]], rows: Sequence[Sequence[str]], header: Header) -> Roles:
    """Say what the numbers at ``places`` of a line mean; ``rows`` are the numbers of some lines of this shape."""
    if _HINT.search(content) is None and not header:
        return NOTHING
    line = content.decode("latin-1")
    numbers, pinned = _with_pinned(phrase(content, places), len(line) - len(rank_and_text(line)[1]))
    samples = Samples(rows)
    if header and not any(one.name and not one.ignored for one in numbers):
        numbers = header.named(line, numbers)
    counters = find_counters(numbers, samples)
    values = find_values(line, numbers, counters, samples)
    if counters and counters.is_guess and not any(is_known(value.name) for value in values):
        return NOTHING
    if not values and counters:
        heading = _is_heading(line, numbers, counters, samples)
        return Roles(counters, heading=heading, pinned=tuple(pinned) if heading else ())
    first = values[0].place if values else 0
    split = data_set(line[: numbers[first].begin]) or "" if values else ""
    return Roles(counters, tuple(values), split, False, tuple(pinned), _rank(line))


def _with_pinned(numbers: list[Number], prefix: int) -> tuple[list[Number], list[int]]:
    """Put numbers that are parts of names there: ``precision[class 8]=nan``, ``AP (class 3): nan``.

    The first ``prefix`` characters of the line say which rank printed it.
    """
    pinned: list[int] = []
    for place, one in enumerate(numbers):
        if one.begin < prefix or (one.name.lower() in {"rank", "local rank", "local_rank"} and not one.ignored):
            numbers[place] = replace(one, ignored=True)
            pinned.append(place)
    for place in range(1, len(numbers)):
        one, before = numbers[place], numbers[place - 1]
        closes = one.left.strip()[:-1].strip() in {"]", ")"} and one.joint in {"=", ":"}
        if one.name or one.ignored or before.ignored or not closes or not (before.opened or before.name):
            continue
        attached = re.search(r"([\w@./-]{1,60})[\[(][\w /.-]{0,30}$", before.left)
        if attached is None:
            continue
        name = before.left[attached.start() :] + before.text + one.left.strip()[0]
        numbers[place] = replace(one, name=name)
        numbers[place - 1] = replace(before, ignored=True)
        pinned.append(place - 1)
    return numbers, pinned


def _rank(line: str) -> str:
    """Number of the process that printed a line, as launchers and trainers say it; "" where nothing does."""
    rank, _ = rank_and_text(line)
    if rank is not None:
        return str(rank)
    found = _RANK.search(line)
    return found[1] if found is not None else ""


def _is_heading(line: str, numbers: Sequence[Number], counters: Counters, samples: Samples) -> bool:
    """``Epoch 3/10``, ``Learning iteration 7/1500``, ``| total_timesteps | 2048 |``: what follows belongs to it."""
    if not counters.is_named or _ASIDE.search(line) is not None:
        return False
    prefix = max((number.end for number in numbers if number.ignored), default=0)
    if len(_WORD.findall(line[prefix:])) > _MOST_WORDS_OF_A_HEADING:
        return False
    return (
        counters.epochs is not None
        or counters.of is not None
        or any(not samples.is_constant(place) for place in counters.used)
    )
