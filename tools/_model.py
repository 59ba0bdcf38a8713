"""The model of confidence: what the engine computes, for many cases at once, and how its weights are fitted.

The score of a candidate is the prior of its cause plus the weights of its signs; confidences are the softmax over all
candidates and over "something not in this list".  The fit maximises the log-likelihood of the true causes under a
Gaussian prior whose centre is what a person set.  Every run counts once, however many logs it wrote.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools._labelled import Candidate, Judged

__all__ = ["FEWEST_RUNS", "Answer", "Design", "Weights", "answers", "design", "fitted", "log_loss", "runs_of"]

Floats = NDArray[np.float64]
Weights = Mapping[str, Mapping[str, float]]  #: rule (or ``prior``) -> sign (or cause) -> nats, as ``weights.toml``
Sign = tuple[str, str]  #: rule, key

#: A sign seen in fewer runs keeps the weight that a person gave it.
FEWEST_RUNS = 8
#: A run says at most p (1 - p) <= 1/4 about one weight: the prior is worth as much as the fewest runs could say.
PRECISION = FEWEST_RUNS / 4
#: A sign never changes sides, nor does it lose all weight: it would vanish from the report's evidence.
SMALLEST = 0.1
#: Candidates below this share are not shown, unless first.
WORTH_SAYING = 0.01
UNKNOWN = "unknown"
_MOST_STEPS = 2000
_STILL = 1e-6  #: nats; a step that moves no weight further than this ends the climb


@dataclass(frozen=True)
class Answer:
    """What a report would show of a candidate."""

    cause: str
    confidence: float


@dataclass(frozen=True)
class Design:
    """Cases as arrays: n cases, c candidates ("something else" first, then padding with prior -inf), p signs."""

    signs: tuple[Sign, ...]
    count: Floats  #: (n, c, p) how often a candidate has a sign
    prior: Floats  #: (n, c) nats
    right: NDArray[np.bool_]  #: (n, c) whether a candidate's cause is accepted; "something else" where none is
    share: Floats  #: (n,) one divided by the number of cases of the run

    def log_likelihood(self, weights: Floats) -> tuple[float, Floats]:
        """Sum over cases of the log of the confidence in an accepted cause, and its gradient by the weights."""
        log_p = _log_softmax(self.prior + self.count @ weights)
        log_right = np.where(self.right, log_p, -np.inf)
        case = np.logaddexp.reduce(log_right, axis=1)
        pull = np.exp(log_right - case[:, None]) - np.exp(log_p)
        return float(self.share @ case), np.einsum("n,nc,ncp->p", self.share, pull, self.count)

    def rows(self, chosen: NDArray[np.bool_]) -> Design:
        """The design of some of the cases."""
        return Design(self.signs, self.count[chosen], self.prior[chosen], self.right[chosen], self.share[chosen])


def _log_softmax(score: Floats) -> Floats:
    return np.asarray(score - np.logaddexp.reduce(score, axis=1, keepdims=True), np.float64)


def prior_of(cause: str, weights: Weights) -> float:
    priors = weights["prior"]
    return priors.get(cause, min(priors.values()))


def score_of(candidate: Candidate, weights: Weights) -> float:
    worth = weights[candidate.rule]
    return prior_of(candidate.cause, weights) + sum(times * worth[key] for key, times in candidate.signs.items())


def answers(case: Judged, weights: Weights) -> tuple[Answer, ...]:
    """The findings that a report would show, best first."""
    if not case.candidates:
        return ()
    scores = [prior_of(UNKNOWN, weights), *(score_of(candidate, weights) for candidate in case.candidates)]
    total = float(np.logaddexp.reduce(scores))
    order = sorted(zip(scores[1:], case.candidates, strict=True), key=lambda pair: (-pair[0], pair[1].rule))
    return tuple(
        Answer(candidate.cause, math.exp(score - total))
        for rank, (score, candidate) in enumerate(order)
        if any(weights[candidate.rule][key] > 0 for key in candidate.signs)
        and (rank == 0 or math.exp(score - total) >= WORTH_SAYING)
    )


def log_loss(case: Judged, weights: Weights) -> float:
    """Minus the log of the confidence in the accepted causes; where none was proposed, in "something else"."""
    accepted = case.label.accepted("cause")
    scores = [score_of(candidate, weights) for candidate in case.candidates]
    total = np.logaddexp.reduce([prior_of(UNKNOWN, weights), *scores])
    right = [score for score, found in zip(scores, case.candidates, strict=True) if found.cause in accepted]
    return float(total - np.logaddexp.reduce(right or [prior_of(UNKNOWN, weights)]))


def design(cases: Sequence[Judged], weights: Weights) -> Design:
    """The arrays for a fit; priors come from ``weights`` and are never fitted."""
    signs = tuple((rule, key) for rule, table in weights.items() if rule != "prior" for key in table)
    column = {sign: index for index, sign in enumerate(signs)}
    width = 1 + max((len(case.candidates) for case in cases), default=0)
    count = np.zeros((len(cases), width, len(signs)))
    prior = np.full((len(cases), width), -np.inf)
    prior[:, 0] = prior_of(UNKNOWN, weights)
    right = np.zeros((len(cases), width), bool)
    for row, case in enumerate(cases):
        for place, candidate in enumerate(case.candidates, start=1):
            prior[row, place] = prior_of(candidate.cause, weights)
            right[row, place] = candidate.cause in case.label.accepted("cause")
            for key, times in candidate.signs.items():
                count[row, place, column[candidate.rule, key]] = times
    right[:, 0] = ~right.any(axis=1)
    size = Counter(case.label.run for case in cases)
    return Design(signs, count, prior, right, np.array([1 / size[case.label.run] for case in cases]))


def runs_of(cases: Sequence[Judged]) -> dict[Sign, int]:
    """In how many runs each sign was seen."""
    seen: dict[Sign, set[str]] = defaultdict(set)
    for case in cases:
        for candidate in case.candidates:
            for key in candidate.signs:
                seen[candidate.rule, key].add(case.label.run)
    return {sign: len(runs) for sign, runs in seen.items()}


def fitted(cases: Sequence[Judged], by_hand: Weights) -> dict[str, dict[str, float]]:
    """The weights of greatest posterior probability; what too few runs show stays as it was set by hand."""
    whole = design(cases, by_hand)
    seen = runs_of(cases)
    centre = np.array([by_hand[rule][key] for rule, key in whole.signs])
    free = np.array([seen.get(sign, 0) >= FEWEST_RUNS for sign in whole.signs])
    weights = _climbed(whole, centre, free)
    table = {rule: dict(signs) for rule, signs in by_hand.items()}
    for (rule, key), weight, moves in zip(whole.signs, weights, free, strict=True):
        if moves:
            table[rule][key] = round(float(weight), 2)
    return table


def _climbed(cases: Design, centre: Floats, free: NDArray[np.bool_]) -> Floats:
    """Projected gradient ascent with a step that halves until it helps and grows again after it did."""
    low = np.where(centre > 0, SMALLEST, -np.inf)
    high = np.where(centre < 0, -SMALLEST, np.inf)

    def posterior(weights: Floats) -> tuple[float, Floats]:
        value, slope = cases.log_likelihood(weights)
        off = weights - centre
        return value - PRECISION / 2 * float(off @ off), np.where(free, slope - PRECISION * off, 0.0)

    weights, step = centre, 1.0
    value, slope = posterior(weights)
    for _ in range(_MOST_STEPS):
        moved = np.where(free, np.clip(weights + step * slope, low, high), centre)
        new_value, new_slope = posterior(moved)
        if new_value < value + float(slope @ (moved - weights)) - float(np.sum((moved - weights) ** 2)) / (2 * step):
            step /= 2
            continue
        still = float(np.max(np.abs(moved - weights), initial=0.0)) < _STILL
        weights, value, slope, step = moved, new_value, new_slope, step * 1.5
        if still:
            break
    return weights
