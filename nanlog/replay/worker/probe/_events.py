"""What made a non-finite value, and of what: small summaries, no tensors."""

from __future__ import annotations

from dataclasses import dataclass

from nanlog.replay.outcome import Operand, ReplayPhase

from ._measure import Kinds
from ._sites import NOWHERE, Site

__all__ = ["Call", "Event", "Leaf"]


@dataclass(slots=True)
class Call:
    """One call of a public function of torch, or of a kernel where no function was seen.

    ``module`` and ``kind`` are name and class of the innermost module at work.
    """

    op: str
    module: str | None = None
    kind: str | None = None
    site: Site | None = None

    @property
    def where(self) -> Site:
        return self.site or NOWHERE


@dataclass(frozen=True, slots=True)
class Leaf:
    """A tensor that was there before the step: a parameter, a buffer, a state of an optimizer, a part of the batch."""

    phase: ReplayPhase
    tensor: str | None
    module: str | None = None
    detail: str | None = None
    buffer: bool = False


@dataclass(slots=True, eq=False)
class Event:
    """An operator that gave something non-finite, or a leaf that held it.

    ``parents`` are the events whose non-finite results it was given.  ``deliberate`` says that its infinity was
    written as such (a mask of -inf) and nothing turned it into NaN yet; ``samples`` are the rows it is in.
    """

    number: int
    phase: ReplayPhase
    call: Call
    kernel: str
    kinds: Kinds
    dtype: str = ""
    shape: tuple[int, ...] = ()
    size: int = 0
    parents: tuple[Event, ...] = ()
    deliberate: bool = False
    node: str | None = None
    leaf: Leaf | None = None
    samples: tuple[int, ...] | None = None
    operands: tuple[Operand, ...] = ()
    writes: Leaf | None = None
    uninitialised: bool = False

    @property
    def op(self) -> str:
        return self.node or self.call.op

    @property
    def nan(self) -> bool:
        return self.kinds.nan > 0

    @property
    def makes(self) -> bool:
        """Whether it made something new: NaN or an infinity out of finite values, or NaN out of infinities."""
        return not self.parents or (self.nan and not any(parent.nan for parent in self.parents))

    @property
    def crosses(self) -> bool:
        """Whether it is a gradient that an infinity of the forward took part in."""
        return self.phase is ReplayPhase.BACKWARD and any(p.phase is ReplayPhase.FORWARD for p in self.parents)
