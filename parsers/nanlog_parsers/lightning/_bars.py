"""One state of a progress bar -> what it says.

TQDM::

    Epoch 2:  80%|████████  | 40/50 [00:00<00:00, 534.10it/s, v_num=0, train_loss=nan.0, val_loss=1.960]
    Epoch 2: |          | 40/? [00:00<00:00, 534.10it/s, v_num=0, train_loss=2.310]     of unknown length
    Epoch 2: : 40it [00:00, 534.10it/s, loss=1.27, v_num=0, train_loss=2.310]           of unknown length, 1.x
    Validation DataLoader 0:  33%|███▎      | 1/3 [00:00<00:00, 993.91it/s]

Rich, whose metrics go on in the indented lines below it, a name and its value at times on different ones::

    Epoch 2/5  ━━━━━━━━━━━━━━━━━━━ 40/40 0:00:00 • 0:00:00 574.56it/s v_num: 0.000
                                                                      train_loss:
                                                                      nan

Where they need more room, the time that is left goes on below as well, and a name is cut to the width of its column::

    Epoch 10/11 ━━━━━━━━━━━━━━━ 400/400 0:00:00 •       1204.76it/s train/total_los…
                                        0:00:00                     nan
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from nanlog_parsers._numbers import NUMBER, value_of

__all__ = ["RUN_NUMBER", "Bar", "Item", "Kind", "bars", "goes_on", "rich_items"]


class Kind(Enum):
    """What a bar counts."""

    TRAINING = "training"
    VALIDATION = "validation"
    OTHER = "other"


class Item(NamedTuple):
    """One metric of a bar; ``text`` is its value as printed."""

    name: str
    text: str
    line: int

    @property
    def value(self) -> float | None:
        """None where it is no number."""
        found = _PADDED.fullmatch(self.text)
        return None if found is None else value_of(found[1])


@dataclass(frozen=True, slots=True)
class Bar:
    """One state: ``total`` is None where the length is unknown; ``what`` is its label (``Validation DataLoader 0``).

    Rich writes its metrics behind the bar, in ``tail``, and in the lines below; TQDM has them in ``items``.
    """

    kind: Kind
    what: str
    epoch: int
    batch: int
    total: int | None
    items: tuple[Item, ...] = ()
    tail: str | None = None


_KINDS = {"Validation": Kind.VALIDATION, "Validating": Kind.VALIDATION}

_WHAT = (
    r"(?P<what>Epoch (?P<epoch>[0-9]{1,9})(?:/-?[0-9]{1,9})?|Training"
    r"|(?:Validation sanity check|Validation|Validating|Sanity Checking|Testing|Predicting)(?: DataLoader [0-9]{1,6})?)"
)
_TQDM = re.compile(
    _WHAT + r": *(?:(?:[0-9]{1,3}%)?\|[^|\[\]]{0,400}\| *(?P<n>[0-9]{1,12})/(?P<total>[0-9]{1,12}|\?)"
    r"|(?:: )?(?P<it>[0-9]{1,12})it) \[[^,\[\]]{1,40}, *[^,\[\]]{1,40}"
)
#: An item that the width of a terminal cut lacks what follows it.
_TQDM_ITEM = re.compile(r", ([^=,]{1,200})=([^,\]]{0,100})(?=[,\]])")
#: Lightning pads to five characters: ``nan.0``, ``-inf.``, ``123.0``.
_PADDED = re.compile(rf"({NUMBER})(?:\.0?)?", re.ASCII)

_RICH = re.compile(
    _WHAT + r"[ ━╸╺╴╶\-]{1,1000}?(?P<n>[0-9]{1,12})/(?P<total>[0-9]{1,12}|--)(?:\.0)? +"
    r"[0-9:\-]{1,20} •(?: [0-9:\-]{1,20})? +[0-9.,]{1,20}it/s"
)
_TIME_LEFT = re.compile(r"(?:[0-9]{1,6}:[0-9]{2}:[0-9]{2}|-:--:--)(?: +|$)")
_LONGEST_METRICS = 100_000
_LEAST_INDENT = " " * 12
#: The number of the run, which may be a word; Lightning 2 writes it first, Lightning 1 behind ``loss``.
RUN_NUMBER = "v_num"
#: A name too long for its column ends in an ellipsis; so does a number, which then is none.
_RICH_ITEM = re.compile(rf"({RUN_NUMBER}): +\S|(\S{{1,200}}?)(:|…) +({NUMBER})(?!\S{{0,40}}…)", re.ASCII)
#: The one name that has to be known again when its end is cut off.
_CUT_LOSS = re.compile(r"(?<![A-Za-z])los?$", re.ASCII)


def bars(line: int, text: str) -> Iterator[Bar | str]:
    """The bars in one state, and what stands before, between and behind them.

    There is more than one where control characters were lost, as by copying from a window.
    """
    end = 0
    while (found := _TQDM.search(text, end)) is not None:
        if (between := text[end : found.start()]).strip():
            yield between
        items, end = _tqdm_items(line, text, found.end())
        yield _bar(found, items, None)
    if (found := _RICH.search(text, end)) is not None:
        yield _bar(found, (), text[found.end() :])
    elif (rest := text[end:]).strip():
        yield rest


def goes_on(text: str) -> bool:
    """Say whether a state can hold more metrics of the Rich bar before it."""
    return text.startswith(_LEAST_INDENT)


def rich_items(lines: Sequence[tuple[int, str]]) -> tuple[Item, ...]:
    """The metrics behind a Rich bar and below it, given as numbered lines."""
    parts = [_TIME_LEFT.sub("", text.strip(), count=1) for _, text in lines]
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part) + 1)
    items = []
    alike: Counter[str] = Counter()  # names that were cut
    for found in _RICH_ITEM.finditer(" ".join(parts), 0, _LONGEST_METRICS):
        line = lines[bisect_right(starts, found.end() - 1) - 1][0]
        name = found[2] or RUN_NUMBER
        if found[3] == "…":
            name = _CUT_LOSS.sub("loss", name)
        alike[name] += 1
        items.append(Item(name if alike[name] == 1 else f"{name}~{alike[name]}", found[4] or "", line))
    return tuple(items)


def _tqdm_items(line: int, text: str, end: int) -> tuple[tuple[Item, ...], int]:
    """The items from ``end`` on, and where the bar ends."""
    if text.find("]", end) == len(text) - 1:
        parts = [part.partition("=") for part in text[end + 2 : -1].split(", ")]
        return tuple(Item(name, token.strip(), line) for name, equals, token in parts if equals), len(text)
    items = []
    while (found := _TQDM_ITEM.match(text, end)) is not None:
        end = found.end()
        items.append(Item(found[1], found[2].strip(), line))
    return tuple(items), end + text.startswith("]", end)


def _bar(found: re.Match[str], items: tuple[Item, ...], tail: str | None) -> Bar:
    what, epoch, total = found["what"], found["epoch"], found["total"]
    kind = Kind.TRAINING if epoch else _KINDS.get(what.partition(" DataLoader")[0], Kind.OTHER)
    batch = found["n"] or found["it"] if tail is None else found["n"]
    known = int(total) if total and total.isdigit() else None
    return Bar(kind, what, int(epoch or 0), int(batch), known, items, tail)
