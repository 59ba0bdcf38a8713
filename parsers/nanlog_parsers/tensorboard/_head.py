"""What the beginning of an event file tells: enough to know which files belong together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from ._columns import ScalarColumns
from ._events import Event, Value, read_event
from ._frames import payload, stretches
from ._tensors import Spot
from ._wire import MalformedError

__all__ = ["Head", "read_head"]

#: So many records are read one by one, in their order; of those behind them only what repeats.
_MOST = 25


@dataclass(slots=True)
class Head:
    """The time of the first record, the tags of scalars, and whether ``add_hparams`` began a session here."""

    time: float = 0.0
    tags: dict[str, None] = field(default_factory=dict)
    is_session: bool = False

    def learn(self, event: Event) -> None:
        if not self.time and math.isfinite(event.time):
            self.time = event.time
        for value in event.values:
            if _is_scalar(value):
                self.tags.setdefault(value.tag)
            self.is_session |= value.plugin == "hparams" and value.tag == "_hparams_/session_start_info"


def _is_scalar(value: Value) -> bool:
    return value.number is not None or (value.tensor is not None and value.tensor.scalar() is not None)


def read_head(contents: Iterable[bytes]) -> Head:
    """Read the first bytes of some files of one directory, whatever they are."""
    head = Head()

    def learn(event: Event) -> list[tuple[int, Spot]] | None:
        head.learn(event)
        spots = [value.spot or (value.tensor.spot if value.tensor is not None else None) for value in event.values]
        return [(0, spot) for spot in spots if spot is not None] if spots and all(spots) else None

    columns = ScalarColumns(learn)
    for stretch in (stretch for content in contents for stretch in stretches((content,))):
        for start, length in zip(stretch.starts[:_MOST].tolist(), stretch.lengths[:_MOST].tolist(), strict=True):
            try:
                head.learn(read_event(payload(stretch.data, start, length) or b""))
            except MalformedError:
                continue
        columns.read(stretch.data, stretch.starts[_MOST:], stretch.lengths[_MOST:])
    return head
