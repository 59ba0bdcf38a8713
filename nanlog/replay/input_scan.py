"""What a walk over the inputs of a target found: frozen values, free of torch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["InputRange", "InputScan", "SuspectSample"]


@dataclass(frozen=True, slots=True)
class SuspectSample:
    """A sample with something wrong: ``nonfinite``, ``absurd`` or ``out_of_range``.

    ``tensor`` is ``input``, ``label`` or the path in the batch, ``index`` the place in the sample, ``says`` a sentence.
    """

    batch: int
    sample: int
    tensor: str
    problem: str
    index: tuple[int, ...]
    value: float
    says: str


@dataclass(frozen=True, slots=True)
class InputRange:
    """Of one tensor, over the whole walk; ``median`` is that of the largest absolute values of the samples."""

    tensor: str
    dtype: str
    minimum: float | None
    maximum: float | None
    median: float | None


@dataclass(frozen=True, slots=True)
class InputScan:
    """All that the walk found.

    ``counts`` are all suspects by problem, of which ``suspects`` lists the first; ``why_ended`` says why not
    all batches were read.
    """

    batches: int
    samples: int
    suspects: tuple[SuspectSample, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    ranges: tuple[InputRange, ...] = ()
    notes: tuple[str, ...] = ()
    why_ended: str | None = None
