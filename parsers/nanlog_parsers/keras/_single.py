r"""Reads one state by a grammar: what is not exactly a bar or a header, or is several of them.

Where control characters were lost (a copy from a terminal or a web page) the states of an epoch stand on one line,
glued together: ``... loss: 2.300010/45 [==>...] - ETA: 0s - loss: ...``.  Keras pads a count to the width of its target
and prints values as ``%.4f`` or ``%.4e``, so the borders can still be told.  Messages are glued to the bar they
interrupt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nanlog_parsers._numbers import NUMBER, value_of

from ._rows import COLOURED, DRAWN, MOST_BATCHES, PLAIN

__all__ = ["LEADS", "NAME", "TRAIL", "Bar", "Header", "Misread", "Remark", "read_state"]

#: ``%.4f``, ``%.4e``, or no number: exactly as Keras prints a value, so that what is glued to it is not taken in.
_PRINTED = r"[-+]?(?:[0-9]{1,400}\.[0-9]{4}(?:e[-+][0-9]{2,3})?|(?i:nan|infinity|inf))"
#: Any number that a blank or the end follows.
_WHOLE = rf"(?:{NUMBER})(?=\s|$)"
_TIME = r"(?:[0-9]{1,9}:){0,3}[0-9]{1,9}s?"
_PER = r"(?:[0-9.]{1,12}(?:ms|us|s|min|h)/(?:step|sample|epoch))"

_COUNT = re.compile(
    r"(?P<padded>[ 0-9]{0,15}[0-9])/(?P<target>[0-9]{1,10}|Unknown)(?=[ \[])"
    r"(?: (?P<drawn>\[[=>.]{1,300}\])"
    rf"| (?=-? ?{_TIME}(?: |$))(?P<bare>)"
    rf"| (?P<coloured>(?:[^\x00-\x7f]|\ufffd){{1,600}})(?= {_TIME}))"
)
_EPOCH = re.compile(r"(?<![\w.])Epoch +(?P<epoch>[0-9]{1,8}) ?/ ?(?P<epochs>[0-9]{1,8})(?![0-9.]*[:.])")
#: verbose=2 of Keras 1 and early 2: `` - 5s - loss: ...``.
_NO_COUNT = re.compile(rf"^ *(?:- )?(?P<time>[0-9]{{1,9}}s)(?: {_PER})?(?= - [^:\s])")
_TIMES = re.compile(rf" *(?:- +)?(?:ETA: +{_TIME}|{_PER}|{_TIME})(?: +{_PER})?(?![\w./])")
_VALUE = re.compile(rf" +- +(?P<name>[^\s:\[\]][^:\[\]\n]{{0,99}}?): +(?P<value>{_WHOLE}|{_PRINTED})")
NAME = re.compile(rf"(?!{_TIMES.pattern})[^\s:\[\]][^:\[\]\n]{{0,99}}")
#: What may stand between a bar of each kind (the last: none is drawn) and its first name, and behind its last value.
LEADS = (
    re.compile(rf" (?=-? ?{_TIME} )(?:{_TIMES.pattern})+ +- +"),
    re.compile(rf"(?:{_TIMES.pattern})* +- +"),
    re.compile(rf"(?= {_TIME})(?:{_TIMES.pattern})+ +- +"),
)
TRAIL = re.compile(rf"(?:{_TIMES.pattern})*")
_ASKS_FOR_VALUE = re.compile(r" +- +[^\s:\[\]][^:\[\]\n]{0,99}?:")
_HEAD = re.compile(f"{_EPOCH.pattern}|{_COUNT.pattern}|{_NO_COUNT.pattern}")
#: Colours that lost their escape character, or got something to be seen for it.
_LOST_COLOURS = re.compile(r"(?:\^\[|[\ufffd\u241b\u2190])?\[(?:0|1|3[0-7])m")


@dataclass(slots=True)
class Bar:
    """One state of a bar; ``target`` 0 is unknown."""

    seen: int
    target: int
    kind: int
    values: list[tuple[str, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Header:
    """``Epoch 3/7``."""

    epoch: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Remark:
    """Whatever is neither: a message, or nothing of Keras."""

    text: str


@dataclass(frozen=True, slots=True)
class Misread:
    """A bar whose values cannot be read."""

    why: str


def read_state(text: str, *, is_cut: bool = False) -> Iterator[Bar | Header | Remark | Misread]:
    """Yield what a state holds, in order.

    ``is_cut`` says that nothing follows in the file, not even a line end: a last number may lack its last digits.
    """
    if "[0m" in text:
        text = _LOST_COLOURS.sub("", text)
    place = 0
    while found := _HEAD.search(text, place):
        yield from _remark(text[place : found.start()])
        if found["epoch"] is not None:
            if int(found["epochs"]):
                yield Header(int(found["epoch"]), int(found["epochs"]))
            place = found.end()
            continue
        bar = _bar(text, found, is_glued=0 < place == found.start())
        place = _values(text, found.end(), bar, is_cut=is_cut)
        rest = _ASKS_FOR_VALUE.match(text, place)
        if bar.seen <= MOST_BATCHES and (bar.target or found["target"] != "0"):
            yield bar
        if rest is not None and not is_cut and bar.target:
            yield Misread("no number can be read where a value is shown")
    yield from _remark(text[place:])


def _remark(text: str) -> Iterator[Remark]:
    if text.strip():
        yield Remark(text.rstrip())


def _bar(text: str, found: re.Match[str], *, is_glued: bool) -> Bar:
    if found["padded"] is None:
        return Bar(1, 1, PLAIN)
    target = found["target"]
    count = found["padded"].rpartition(" ")[2]
    if is_glued:  # the digits before the last width ones belong to the value that the count is glued to
        width = 7 if target == "Unknown" else len(target)
        count = found["padded"][-width:].rpartition(" ")[2]
    if found["drawn"]:
        kind = DRAWN
    elif found["coloured"]:
        kind = COLOURED
    else:
        dashed = text.startswith("- ", found.end())
        kind = (DRAWN if dashed else COLOURED) if target == "Unknown" else PLAIN
    return Bar(int(count), 0 if target == "Unknown" else int(target), kind)


def _values(text: str, place: int, bar: Bar, *, is_cut: bool) -> int:
    """Enter the values of a bar; return where they end."""
    while True:
        if found := _TIMES.match(text, place):
            place = found.end()
        elif found := _VALUE.match(text, place):
            place = found.end()
            token = found["value"]
            if not (is_cut and place == len(text) and not re.fullmatch(_PRINTED, token)):
                bar.values.append((found["name"], value_of(token)))
        else:
            return place
