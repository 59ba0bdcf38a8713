"""What a replay found out: frozen values, free of torch, that the worker fills and the host reads.

The words are those of ``nanlog.model`` and of ``docs/replay.md``; ``as_json`` says what they look like for programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nanlog.model import Judgement

from .input_scan import InputScan

__all__ = [
    "Benign",
    "CauseVerdict",
    "FirstNonfinite",
    "Judgement",
    "NotRun",
    "Operand",
    "Outcome",
    "Place",
    "ReplayPhase",
    "Status",
    "Trial",
]


class ReplayPhase(StrEnum):
    """Where in a step, or in the state before it, the first non-finite value that matters arose."""

    PARAMETER = "parameter"  #: a parameter or buffer was non-finite before the step began
    OPTIMIZER_STATE = "optimizer_state"  #: so was the state of an optimizer
    INPUT = "input"  #: the batch itself
    FORWARD = "forward"  #: the loss included
    BACKWARD = "backward"
    UPDATE = "update"


class Status(StrEnum):
    """How far a replay came."""

    COMPLETE = "complete"
    OUT_OF_BUDGET = "out_of_budget"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"  #: the worker ended without being asked to
    HUNG = "hung"
    FAILED = "failed"  #: the target or the checkpoint could not be loaded


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor that an operation was given: what it is called, its finite range and what in it is not finite.

    ``minimum`` and ``maximum`` are over the finite elements, None where there is none; ``made_by`` is the public
    operator it came from (None for a leaf).
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    minimum: float | None
    maximum: float | None
    zeros: int = 0
    nonfinite: int = 0
    made_by: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in one sample of the batch: ``tensor`` is the path in the batch (``[0]``, ``['image']``)."""

    sample: int
    tensor: str
    index: tuple[int, ...]
    value: float


@dataclass(frozen=True, slots=True)
class FirstNonfinite:
    """The operation that made something non-finite out of finite values, on the way to what matters.

    ``module`` is a name of ``model.named_modules()``; ``op`` the public forward operator (for ``backward`` the one
    whose gradient it is); ``tensor`` is ``input``, ``label`` or the name of a parameter; ``file`` and ``line`` are the
    innermost frame of the user's own code and ``code`` is that line; ``samples`` are indices into the batch.
    ``value`` is ``nan``, ``inf``, ``-inf`` or, where the step raised instead, the exception; ``dtype`` as in
    ``float16``.  ``via`` names the operators between this one and what made it matter.
    """

    step: int
    phase: ReplayPhase
    module: str | None = None
    op: str | None = None
    tensor: str | None = None
    file: str | None = None
    line: int | None = None
    samples: tuple[int, ...] | None = None
    value: str | None = None
    dtype: str | None = None
    code: str | None = None
    module_type: str | None = None
    operands: tuple[Operand, ...] = ()
    via: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Benign:
    """A non-finite value that reached nothing that matters, or was made on purpose."""

    says: str
    phase: ReplayPhase
    op: str | None = None
    module: str | None = None
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """The suspect steps once more with one thing changed.

    ``finite`` says that nothing non-finite that matters arose in ``steps`` (first and last); ``losses`` are theirs.
    """

    intervention: str
    finite: bool
    detail: str
    steps: tuple[int, int] | None = None
    losses: tuple[float, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NotRun:
    """An intervention that could not be tried, and why not."""

    intervention: str
    because: str


@dataclass(frozen=True, slots=True)
class CauseVerdict:
    """What became of one cause; ``confidence`` is what the log alone gave it, None where there was no log."""

    cause: str
    verdict: Judgement
    because: tuple[str, ...]
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer of a replay.

    ``steps`` are the first and the last that were repeated; ``reproduced`` and ``deterministic`` are None where the
    replay did not come so far.  ``facts`` are what the checkpoint and the target say of themselves (framework, step of
    the checkpoint, versions), ``notes`` sentences that a reader must know to judge the rest, ``why_ended`` the sentence
    for a status other than complete.  ``inputs`` is what a walk over all batches found, where one was asked for.
    """

    checkpoint: str
    device: str
    run: str | None = None
    status: Status = Status.COMPLETE
    why_ended: str | None = None
    target: str | None = None
    steps: tuple[int, int] | None = None
    reproduced: bool | None = None
    deterministic: bool | None = None
    first_nonfinite: FirstNonfinite | None = None
    trials: tuple[Trial, ...] = ()
    not_run: tuple[NotRun, ...] = ()
    causes: tuple[CauseVerdict, ...] = ()
    smallest_change: str | None = None
    benign: tuple[Benign, ...] = ()
    notes: tuple[str, ...] = ()
    losses: tuple[float, ...] = ()
    facts: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    seconds: float = 0.0
    inputs: InputScan | None = None

    @property
    def confirmed(self) -> tuple[CauseVerdict, ...]:
        return tuple(each for each in self.causes if each.verdict is Judgement.CONFIRMED)
