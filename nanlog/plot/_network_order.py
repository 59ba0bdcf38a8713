"""Rows of layers in the order in which data runs through the net.

Three sources, the best that the log has:

``computed``   :attr:`~nanlog.model.SeriesInfo.rank`, where the framework printed the layers as it computed them.
``named``      numbers in the names (``layers.2`` before ``layers.10``).  Where the log sorted its names by the
               alphabet, as tables and JSON with sorted keys do, or scattered the parameters of a layer, words too:
               embeddings first, an encoder before its decoder, the head last, a weight before its bias.  Else names
               without numbers stay in the order of the log, which is the one in which the model defines them.
``logged``     the order of first appearance, where the names tell nothing.

Hooks on gradients log the last layer first: where numbers fall along the log, it is read backwards.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal, TypeAlias

from nanlog.model import SeriesInfo, Stage

__all__ = ["Order", "Source", "in_network_order", "parts_of"]

Source: TypeAlias = 'Literal["computed", "named", "logged"]'

#: The passes in which layers are computed one after the other.
IN_TURN = {Stage.INPUT, Stage.FORWARD, Stage.BACKWARD}

_BETWEEN = re.compile(r"[./:]+")
_NUMBER = re.compile(r"([0-9]{1,15})")
#: What a word of a name says about the place among its neighbours; the first that fits counts, 4 is anything else.
_PLACES = (
    (9, r"(?:lm_?)?head|classif\w*|logits?|outputs?|out(?:_\w+)?|predict\w*|loss|fc|fc_out|score"),
    (8, r"(?:ln|norm)_?f|final\w*|norm|post_?norm"),
    (0, r"inputs?|data|\w*embed\w*|wte|wpe|tok\w*|pos\w*_emb|emb|patch\w*|stem|conv_?in|features?_?in"),
    (2, r"enc|encoders?|backbone|features|trunk|down\w*|bottom\w*"),
    (3, r"mid\w*|bottleneck|neck|bridge|connector"),
    (6, r"dec|decoders?|up\w*|top\w*"),
)
_ELSE = 4
_FIT = tuple((place, re.compile(rf"{words}\Z", re.IGNORECASE)) for place, words in _PLACES)
#: What a parameter of a module is called.
_OWN = {"weight": 0, "kernel": 0, "gamma": 0, "w": 0, "bias": 1, "beta": 1, "b": 1}


@dataclass(frozen=True, slots=True)
class Order:
    """Indices into what was ordered, from the input to the output, and what the order is taken from."""

    indices: tuple[int, ...]
    source: Source


def in_network_order(names: Sequence[str], infos: Sequence[SeriesInfo]) -> Order:
    """Order the rows called ``names``, given as first seen in the log; ``infos`` tell of one series of each."""
    if len({info.rank for info in infos}) > 1:
        backward = {info.stage for info in infos} == {Stage.BACKWARD}
        return Order(_by_rank(infos, backward=backward), "computed")
    tree = _Tree(names)
    indices = tuple(sorted(range(len(names)), key=tree.key))
    return Order(indices, "named" if tree.tells else "logged")


def parts_of(name: str) -> list[str]:
    """The modules and the parameter that a name is made of.

    >>> parts_of("encoder.layers.0/weight")
    ['encoder', 'layers', '0', 'weight']
    """
    return [part for part in _BETWEEN.split(name) if part] or [name]


def _by_rank(infos: Sequence[SeriesInfo], *, backward: bool) -> tuple[int, ...]:
    """By the rank; a backward pass is turned round layer by layer, so that a weight stays before its bias."""
    if not backward:
        return tuple(sorted(range(len(infos)), key=lambda k: infos[k].rank))
    begins: dict[str | None, int] = {}
    for info in infos:
        begins[info.layer] = min(info.rank, begins.get(info.layer, info.rank))
    return tuple(sorted(range(len(infos)), key=lambda k: (-begins[infos[k].layer], infos[k].rank)))


_Place: TypeAlias = "tuple[int, ...]"


class _Tree:
    """Names as a tree of their parts; neighbours are ordered by what their words and numbers say."""

    def __init__(self, names: Sequence[str]) -> None:
        self._paths = [tuple(parts_of(name)) for name in names]
        self._by_words = len(names) > 1 and (list(names) == sorted(names) or _scattered(self._paths))
        #: (parent, part without its number) -> how many were seen before it: numbered neighbours keep together.
        self._seen: dict[tuple[tuple[str, ...], str], int] = {}
        for path in self._paths:
            for depth, part in enumerate(path):
                self._seen.setdefault((path[:depth], self._stem(part)[0]), len(self._seen))
        rises, falls = self._trend()
        self._backwards = falls > rises
        words = {word for path in self._paths for part in path for word in (part, _stem(part)[0])}
        own = {path[-1].lower() for path in self._paths if len(path) > 1}
        by_word = self._by_words and (any(_place(word) != _ELSE for word in words) or not own.isdisjoint(_OWN))
        #: Whether names say anything at all.
        self.tells = bool(rises or falls or by_word)

    def _trend(self) -> tuple[int, int]:
        """How often the number of a part rises, and falls, from one row of the log to the next."""
        rises = falls = 0
        for one, other in pairwise(self._paths):
            a, b = next(((a, b) for a, b in zip(one, other, strict=False) if a != b), ("", ""))
            (stem, number), (other_stem, other_number) = _stem(a), _stem(b)
            if stem == other_stem and number is not None and other_number is not None:
                rises += number < other_number
                falls += number > other_number
        return rises, falls

    def _stem(self, part: str) -> tuple[str, int | None]:
        """What neighbours have in common, and their number; in a log's own order ``conv2`` follows ``bn1`` rightly."""
        return _stem(part) if self._by_words or part.isdecimal() else (part, None)

    def key(self, index: int) -> tuple[_Place, ...]:
        """The places of the parts, outermost first."""
        path = self._paths[index]
        return tuple(self._place(path[:depth], part) for depth, part in enumerate(path))

    def _place(self, parent: tuple[str, ...], part: str) -> _Place:
        stem, number = self._stem(part)
        seen = self._seen[parent, stem]
        own = _OWN.get(part.lower(), 0) if parent else 0
        told = (_place(stem or part), own) if self._by_words else ()
        return (*told, -seen if self._backwards else seen, -1 if number is None else number)


def _stem(part: str) -> tuple[str, int | None]:
    """A part without its last number, and that number.

    >>> _stem("conv12"), _stem("weight")
    (('conv', 12), ('weight', None))
    """
    pieces = _NUMBER.split(part)
    if len(pieces) < 3:
        return part, None
    return "".join((*pieces[:-2], pieces[-1])), int(pieces[-2])


def _scattered(paths: Sequence[tuple[str, ...]]) -> bool:
    """Whether a layer comes again after another one: so no model defines its parameters."""
    runs = [parent for parent, _ in groupby(path[:-1] for path in paths)]
    return any(count > 1 for parent, count in Counter(runs).items() if parent)


def _place(part: str) -> int:
    return next((place for place, words in _FIT if words.match(part)), _ELSE)
