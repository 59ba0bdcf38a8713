"""Event and Summary: what one record of an event file says.

The numbers of the fields are those of tensorboard/compat/proto/event.proto and summary.proto.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ._tensors import Spot, Tensor, read_tensor
from ._wire import FIXED64, LENGTH, VARINT, Field, MalformedError, fields, signed, text

__all__ = ["Event", "Histogram", "Session", "Value", "read_event"]


@dataclass(slots=True)
class Histogram:
    """HistogramProto, without its buckets' borders; ``inside`` counts the elements that lie in a bucket."""

    least: float = 0.0
    greatest: float = 0.0
    count: float = 0.0
    inside: float = 0.0


@dataclass(slots=True)
class Value:
    """One value of a Summary; of ``number``, ``tensor`` and ``histogram`` at most one is there.

    ``spot`` is where a number stands in the record; ``plugin`` names what the tag belongs to and ``content`` is what
    that plugin alone understands.
    """

    tag: str = ""
    number: float | None = None
    spot: Spot | None = None
    tensor: Tensor | None = None
    histogram: Histogram | None = None
    plugin: str = ""
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Session:
    """SessionLog: a training process that starts, stops, or wrote a checkpoint."""

    status: int
    checkpoint: str

    STARTED, STOPPED, CHECKPOINT = 1, 2, 3


@dataclass(slots=True)
class Event:
    """One record; ``step_ends`` is where the number of the step ends, if it stands behind the time as it should."""

    time: float = 0.0
    step: int = 0
    step_ends: int = -1
    version: str = ""
    writer: str = ""
    values: list[Value] = field(default_factory=list)
    session: Session | None = None


#: Where the field of the step begins when it stands where all writers put it, behind the time.
STEP_BEGINS = 9


def read_event(record: bytes) -> Event:
    """Read one record; raises :class:`MalformedError`."""
    event = Event(step_ends=STEP_BEGINS)
    for part in fields(record):
        match part.number, part.wire:
            case 1, 1:
                event.time = part.float()
                if part.begin != 1:
                    event.step_ends = -1
            case 2, 0:
                event.step = signed(part.value)
                event.step_ends = part.end if part.begin == STEP_BEGINS + 1 else -1
            case 3, 2:
                event.version = text(part)
            case 5, 2:
                event.values += (read_value(value) for value in part.fields() if value.number == 1)
            case 7, 2:
                event.session = _session(part)
            case 10, 2:
                event.writer = next((text(name) for name in part.fields() if name.number == 1), "")
    return event


def read_value(message: Field) -> Value:
    """Read a Summary.Value; raises :class:`MalformedError`."""
    value = Value()
    for part in message.fields():
        match part.number, part.wire:
            case 1, 2:
                value.tag = text(part)
            case 2, 5:
                value.spot = None if value.number is not None else Spot(part.begin, "<f4")
                value.number = part.float()
            case 5, 2:
                value.histogram = _histogram(part)
            case 8, 2:
                value.tensor = read_tensor(part)
            case 9, 2:
                value.plugin, value.content = _plugin(part)
    return value


def _session(message: Field) -> Session:
    status, checkpoint = 0, ""
    for part in message.fields():
        if part.number == 1 and part.wire == VARINT:
            status = part.value
        elif part.number == 2 and part.wire == LENGTH:
            checkpoint = text(part)
    return Session(status, checkpoint)


def _histogram(message: Field) -> Histogram:
    histogram = Histogram()
    for part in message.fields():
        if part.number == 1:
            histogram.least = part.float()
        elif part.number == 2:
            histogram.greatest = part.float()
        elif part.number == 3:
            histogram.count = part.float()
        elif part.number == 7:
            histogram.inside += _sum(part)
    return histogram


def _sum(part: Field) -> float:
    """The sum of a repeated double, packed or not."""
    if part.wire == FIXED64:
        return part.float()
    if part.wire != LENGTH or (part.end - part.begin) % 8:
        raise MalformedError(f"byte {part.begin} begins no list of doubles")
    return float(np.frombuffer(part.content, "<f8").sum())


def _plugin(metadata: Field) -> tuple[str, bytes]:
    for part in metadata.fields():
        if part.number == 1 and part.wire == LENGTH:
            found = {inner.number: inner for inner in part.fields() if inner.wire == LENGTH}
            name = text(found[1]) if 1 in found else ""
            return name, found[2].content if 2 in found else b""
    return "", b""
