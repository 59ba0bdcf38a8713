"""Was the first finding right, and would it have been with weights that never saw the case?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tools._labelled import Judged
from tools._measures import Paired, brier, paired
from tools._model import Weights, answers, fitted, log_loss

__all__ = ["NOTHING", "Comparison", "Outcome", "Summary", "compared", "cross_validated", "folds", "outcomes", "summary"]

NOTHING = "nothing"  #: stands for the first finding of a report that has none
FOLDS = 10


@dataclass(frozen=True)
class Outcome:
    """What came of one case whose cause is known."""

    case: Judged
    first: str  #: cause of the first finding
    confidence: float  #: of the first finding, 0 where there is none
    top1: bool
    top3: bool
    log_loss: float

    @property
    def squared(self) -> float:
        """The case's part of the Brier score."""
        return (self.confidence - self.top1) ** 2


@dataclass(frozen=True)
class Summary:
    """Shares (0..1) and scores over cases."""

    count: int
    top1: float
    top3: float
    brier: float
    log_loss: float


@dataclass(frozen=True)
class Comparison:
    """How much a second set of weights scores above the first; below 0 is better."""

    brier: Paired
    log_loss: Paired

    @property
    def better(self) -> bool:
        """Better in both scores, by more than the standard error: what chance may explain is no reason to change."""
        return all(score.mean < -score.error for score in (self.brier, self.log_loss))


def outcome(case: Judged, weights: Weights) -> Outcome:
    found, accepted = answers(case, weights), case.label.accepted("cause")
    return Outcome(
        case,
        found[0].cause if found else NOTHING,
        found[0].confidence if found else 0.0,
        bool(found) and found[0].cause in accepted,
        any(answer.cause in accepted for answer in found[:3]),
        log_loss(case, weights),
    )


def outcomes(cases: Iterable[Judged], weights: Weights) -> list[Outcome]:
    return [outcome(case, weights) for case in cases]


def cross_validated(cases: Sequence[Judged], by_hand: Weights, fold: Sequence[int]) -> list[Outcome]:
    """What comes of each case with weights that were fitted on the cases of the other folds."""
    found: dict[int, Outcome] = {}
    for number in sorted(set(fold)):
        weights = fitted([case for case, own in zip(cases, fold, strict=True) if own != number], by_hand)
        held = (index for index, own in enumerate(fold) if own == number)
        found.update((index, outcome(cases[index], weights)) for index in held)
    return [found[index] for index in range(len(cases))]


def folds(groups: Sequence[str], number: int = FOLDS) -> list[int]:
    """The fold of each case: those of one group together, the folds as even as may be, the same in every call."""
    size = Counter(groups)
    load = [0] * number
    fold: dict[str, int] = {}
    for group in sorted(size, key=lambda name: (-size[name], name)):
        fold[group] = min(range(number), key=load.__getitem__)
        load[fold[group]] += size[group]
    return [fold[group] for group in groups]


def summary(found: Sequence[Outcome]) -> Summary:
    def mean(values: Iterable[float]) -> float:
        return float(np.mean(list(values))) if found else float("nan")

    return Summary(
        len(found),
        mean(o.top1 for o in found),
        mean(o.top3 for o in found),
        brier([o.confidence for o in found], [o.top1 for o in found]),
        mean(o.log_loss for o in found),
    )


def compared(old: Sequence[Outcome], new: Sequence[Outcome]) -> Comparison:
    """The same cases with two sets of weights."""
    runs = [o.case.label.run for o in old]
    pairs = list(zip(old, new, strict=True))
    return Comparison(
        paired([b.squared - a.squared for a, b in pairs], runs),
        paired([b.log_loss - a.log_loss for a, b in pairs], runs),
    )
