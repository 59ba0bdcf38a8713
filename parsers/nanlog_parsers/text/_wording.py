"""Lines hardly any two of which are worded alike: file names, hashes, users, samples of text beside the numbers.

Of the texts between the numbers those that come again and again stay as they are.  Of any other all that stays is what
names the number behind it, the unit of the number before it, and words for the data that was measured on.  So
``step 7 loss 1.7 cat.jpg`` and ``step 8 loss 1.6 dog.png`` are of one shape after all.

A name that never comes again stays only as long as there are few of them; words before the name of something that
trainings have in common (``kim loss 1.7``) do not stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from itertools import chain

from ._counters import is_counter, may_count
from ._phrase import UNIT, name_before
from ._values import CLOCK_UNITS, UNREPEATED, data_set, is_known, series_of

__all__ = ["FEWEST_COMPARED", "MOST_COMPARED", "Wording", "named_in_vain", "wordings_differ"]

Key = tuple[bytes, ...]

#: At least so many lines are compared, and no more than so many; where this share of them or more is worded like no
#: other, lines are not told apart by words.
FEWEST_COMPARED, MOST_COMPARED = 64, 256
_DIFFERENT = 0.5
#: A text, or a name behind blanks, comes again if it is on one of so many lines, but at least on so many.
_ONE_IN, _AGAIN = 64, 8
_ONE_IN_STRICT = 8
#: A name joined to its number by a sign comes again if it is on so many lines.
_NAMED_AGAIN = 3
_MOST_REMEMBERED = 4000
#: Above so many shapes names that do not repeat are left out, then those that do as well, then all but the best known.
_MOST = (2000, 4000, 6000)
#: In a log of so many shapes as these only so many texts from the beginning of a line are looked at one by one.
_NEAR = 5

_LETTER = re.compile(r"[^\W\d_]", re.ASCII)
_CLOSED = re.compile(r"[ \t]{0,2}[)\]}%,:;|/>\"'-]{0,3}")
_LONGEST = 400
#: Of a line that counts these say that it tells of files.
_ASIDE = re.compile(r"\b(?:sav(?:e|ed|ing)|load(?:ed|ing)?|checkpoint|best)\b", re.IGNORECASE)
#: What a quantity is called more exactly by.
_MORE = {
    *("train", "training", "val", "valid", "validation", "eval", "evaluation", "test", "dev"),
    *("total", "lm", "mean", "avg", "average", "running", "smoothed", "learning", "global", "grad", "gradient", "loss"),
}
#: A name without any of these is none of :data:`_PLAIN`.
_HINT = re.compile(r"loss|object|criter|elbo|nll|cost|lr|rate|grad|norm|scale", re.IGNORECASE)
_PREPOSITIONS = {"at", "after", "in", "on", "for", "the", "of"}
_PLAIN = re.compile(r"(?:val/|test/)?(?:loss|loss_smoothed|lr|grad_norm|param_norm|loss_scale)")


class _Place(IntEnum):
    """Where in a line a text stands."""

    FIRST = 0
    BETWEEN = 1
    FAR = 2
    LAST = 3


@dataclass(frozen=True, slots=True)
class _Text:
    """A text between two numbers: what it closes, what it names, how name and number are joined."""

    head: str
    data: str
    name: str
    said: str
    joint: str
    opened: str
    rest: str


@dataclass(slots=True)
class Wording:
    """What is worded alike in the lines of one log; :attr:`level` says how little of the rest stays."""

    level: int = 0
    _texts: set[bytes] = field(default_factory=set)
    _names: set[str] = field(default_factory=set)
    _reduced: dict[tuple[bytes, _Place], bytes] = field(default_factory=dict)
    _divided: dict[tuple[bytes, bool], _Text] = field(default_factory=dict)
    _text_counts: Counter[bytes] = field(default_factory=Counter)
    _name_counts: Counter[tuple[str, bool]] = field(default_factory=Counter)
    _count: int = 0

    def compare(self, keys: Sequence[Key]) -> None:
        """Learn which texts and names come again and again."""
        self._reduced, self._divided = {}, {}
        self._count = len(keys)
        self._text_counts = Counter(chain.from_iterable(keys))
        firsts, lasts = {key[0] for key in keys}, Counter(key[-1] for key in keys)
        self._name_counts = Counter()
        often = self._often()
        for text, count in self._text_counts.items():
            between = count - lasts[text]
            if between > 0 and count < often:
                found = self._parts(text, text in firsts)
                self._name_counts[found.name, bool(found.joint) and " " not in found.name] += between
                if " " in found.name:
                    self._name_counts[found.name.rpartition(" ")[2], bool(found.joint)] += between
        self._choose()

    def _often(self) -> int:
        return max(_AGAIN, self._count // (_ONE_IN if self.level < 2 else _ONE_IN_STRICT))

    def _choose(self) -> None:
        """Remember what came again and again; when there are too many shapes, only what came very often, anew."""
        often = self._often()
        if self.level >= 2:
            self._texts, self._names = set(), set()
        _remember(self._texts, (text for text, count in self._text_counts.items() if count >= often))
        joined = _NAMED_AGAIN if self.level < 2 else often
        names = [
            name for (name, is_joined), count in self._name_counts.items() if count >= (joined if is_joined else often)
        ]
        _remember(self._names, (name for name in names if name))

    def of(self, key: Key) -> Key:
        """The texts of a line without what is its own."""
        places = [_Place.FIRST, *[_Place.BETWEEN] * (len(key) - 2), _Place.LAST]
        if self.level == len(_MOST):
            places[_NEAR:-1] = [_Place.FAR] * (len(places) - 1 - _NEAR)
        return tuple(
            [
                text if text in self._texts else self._without_own(text, place)
                for text, place in zip(key, places, strict=True)
            ]
        )

    def fills(self, shapes: int) -> bool:
        """Whether there are so many shapes now that less has to stay."""
        if self.level < len(_MOST) and shapes >= _MOST[self.level]:
            self.level += 1
            self._reduced = {}
            if self.level > 1:
                self._choose()
            return True
        return False

    def _without_own(self, text: bytes, place: _Place) -> bytes:
        reduced = self._reduced.get((text, place))
        if reduced is None:
            if place is _Place.LAST:
                reduced = _tail(text) if self.level < len(_MOST) else b""
            elif place is _Place.FAR and self._parts(text, False).name not in self._names:
                reduced = b", " + UNREPEATED.encode() + b" "
            else:
                reduced = self._named(text, place is _Place.FIRST)
            self._reduced[text, place] = reduced
        return reduced

    def _named(self, text: bytes, is_first: bool) -> bytes:
        found = self._parts(text, is_first)
        head, data = (found.head, found.data) if self.level < len(_MOST) else ("", "")
        if not found.name:
            return f"{head}{data}{found.rest}".encode("latin-1")
        name = self._kept(found.name, found.joint) or UNREPEATED
        joint = {"": " ", "is": " is ", "|": " | "}.get(found.joint, found.joint)
        start = "| " if found.joint == "|" else ", " if head or data else ""
        # A name was decoded to be compared; what stands around it is still as the bytes are.
        named = f"{self._subject(found, name)}{name}".encode()
        return f"{head}{data}{start}".encode("latin-1") + named + f"{joint}{found.opened}".encode("latin-1")

    def _subject(self, found: _Text, name: str) -> str:
        """What a counter stands behind: ``loss at `` of ``loss at iteration 5: 2.3``."""
        if found.said == found.name or not is_counter(name):
            return ""
        said = found.said.removesuffix(found.name).split()
        while said and said[-1].lower() in _PREPOSITIONS:
            said = said[:-1]
        subject = _known_end(said)
        return f"{subject} at " if subject else ""

    def _parts(self, text: bytes, is_first: bool) -> _Text:
        found = self._divided.get((text, is_first))
        if found is None:
            found = self._divided[text, is_first] = _divided(text, is_first)
        return found

    def _kept(self, name: str, joint: str) -> str:
        """As much of a name as stays."""
        if name in self._names:
            return name
        parts = name.split()
        known = _known_end(parts)
        if known or self.level == len(_MOST):
            return known
        if parts[-1] in self._names:
            return parts[-1]
        return name if joint and self.level == 0 else ""


def wordings_differ(keys: Sequence[Key]) -> bool:
    """Whether most lines are worded like no other."""
    return len(set(keys)) >= _DIFFERENT * len(keys)


def named_in_vain(key: Key) -> int:
    """How many numbers of a line had a name that did not stay."""
    return sum(UNREPEATED.encode() in text for text in key)


def _remember(known: set[bytes] | set[str], found: Iterable[bytes] | Iterable[str]) -> None:
    for one in found:
        if len(known) >= _MOST_REMEMBERED:
            return
        known.add(one)  # type: ignore[arg-type]


def _known_end(parts: Sequence[str]) -> str:
    """The words at the end of a name that say what it is, without the names of users and files before them."""
    if not _may_say_what(" ".join(parts)):
        return ""
    known = next((at for at in range(len(parts) - 1, -1, -1) if _says_what(" ".join(parts[at:]))), -1)
    if known < 0:
        return ""
    while known and parts[known - 1].lower() in _MORE:
        known -= 1
    return " ".join(parts[known:])


def _may_say_what(name: str) -> bool:
    return _HINT.search(name) is not None or may_count(name)


@lru_cache(4096)
def _says_what(name: str) -> bool:
    """Whether a name says by itself that it is a counter, or a quantity that trainings have in common."""
    if is_counter(name):
        return True
    return (
        _HINT.search(name) is not None
        and name.lower() != "rate"
        and is_known(name)
        and _PLAIN.fullmatch(series_of(name)) is not None
    )


def _tail(text: bytes) -> bytes:
    """Of the text behind the last number only what closes it, and that the line tells of a file."""
    said = text[:_LONGEST].decode("latin-1")
    aside = " saved" if _ASIDE.search(said) is not None else ""
    return f"{_head(said)}{aside}".encode("latin-1")


def _head(said: str) -> str:
    """Unit and closing signs of the number before a text; only units of time matter."""
    unit = UNIT.match(said)
    word = unit[0] if unit is not None else ""
    closed = _CLOSED.match(said, len(word))
    kept = word if word.lower() in CLOCK_UNITS else "u" if word else ""
    return kept + (closed[0] if closed is not None else "")


def _divided(text: bytes, is_first: bool) -> _Text:
    said = text.decode("latin-1")
    if _LETTER.search(said) is None and len(said) <= 8:
        return _Text("", "", "", "", "", "", said)
    head = "" if is_first else _head(said)
    rest = said if is_first else UNIT.sub("", said, count=1)
    measured_on = data_set(said)
    data = "" if measured_on is None else f" {measured_on or 'train'}"
    name, phrase, joint, opened = name_before(rest[-_LONGEST:])
    if not name:
        end = rest.rstrip()[-1:]
        return _Text(head, data, "", "", "", "", " ; " + (end if end in "([{" else "") if rest.strip() else "")
    return _Text(head, data, name, phrase, joint, opened, "")
