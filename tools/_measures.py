"""How far stated confidences can be trusted, and how far two measurements differ."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Bin", "Paired", "brier", "calibration_error", "paired", "reliability", "wilson"]

#: Ends of the bins of a reliability table; narrower where most findings lie.
EDGES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)

_Z95 = 1.959964  #: half the width of 95 % of a normal distribution, in standard deviations


@dataclass(frozen=True)
class Bin:
    """Findings whose confidence lies in ``low <= confidence < high`` (the last bin includes 1)."""

    low: float
    high: float
    count: int
    stated: float  #: their mean confidence
    right: float  #: the share of them that were right
    interval: tuple[float, float]  #: Wilson's, for that share


@dataclass(frozen=True)
class Paired:
    """Mean of a difference over cases, and its standard error with the cases of one run taken as one."""

    mean: float
    error: float


def brier(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Mean squared error of confidences against having been right; 0 is perfect, 0.25 a coin.

    >>> brier([1.0, 0.5], [True, False])
    0.125
    """
    return float(np.mean((np.asarray(confidences) - np.asarray(right)) ** 2)) if len(confidences) else math.nan


def wilson(right: int, count: int, z: float = _Z95) -> tuple[float, float]:
    """Interval for a share of which ``right`` of ``count`` were seen (Wilson 1927)."""
    if count == 0:
        return 0.0, 1.0
    share, spread = right / count, z * z / count
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, centre - half), min(1.0, centre + half)


def reliability(confidences: Sequence[float], right: Sequence[bool], edges: Sequence[float] = EDGES) -> list[Bin]:
    """What was stated against what was right, in bins of confidence; empty bins are left out."""
    stated, hit = np.asarray(confidences, float), np.asarray(right, bool)
    place = np.clip(np.searchsorted(edges, stated, side="right") - 1, 0, len(edges) - 2)
    bins = []
    for index in np.unique(place):
        inside = place == index
        count, hits = int(inside.sum()), int(hit[inside].sum())
        mean = float(stated[inside].mean())
        bins.append(Bin(edges[index], edges[index + 1], count, mean, hits / count, wilson(hits, count)))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float:
    """Mean distance of stated and right, weighed by the number of findings."""
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.stated - b.right) for b in bins) / total if total else math.nan


def paired(differences: Sequence[float], runs: Sequence[str]) -> Paired:
    """Mean difference per case; cases of one run are not independent, so the error counts runs."""
    mean = float(np.mean(differences))
    sums: dict[str, float] = defaultdict(float)
    for difference, run in zip(differences, runs, strict=True):
        sums[run] += difference - mean
    return Paired(mean, math.sqrt(sum(value * value for value in sums.values())) / len(differences))
