"""The file that ``CSVLogger`` writes: a row for each epoch, counted from 0, with the values at its end.

The column ``epoch`` comes first, the others in alphabetical order (Keras 1.2 to 3.15), the separator may be chosen.  A
training that goes on with ``append=True`` writes no second header.  Cells of what was not measured say ``NA``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanlog.model import NO_STEP, Block, Fact, Source
from nanlog_parsers._tables import Header, find_header, read_tables

from ._series import Meanings

__all__ = ["history_header", "history_score", "read_history"]

_SEPARATORS = ",;\t|"
_LARGEST_STEP = 1 << 60


def history_header(head: bytes) -> Header | None:
    """The header of the file that begins with ``head``, if it is one of ours."""
    if not head.lstrip(b"\r\n").startswith(b"epoch"):
        return None
    line = head.find(b"\n") + 1
    found = find_header(head[: head.find(b"\n", line) + 1 or len(head)] if line else head, 1, _SEPARATORS)
    return found[0] if found is not None and found[0].names[0] == "epoch" else None


def history_score(head: bytes) -> float:
    """How sure it is that ``CSVLogger`` wrote the file."""
    header = history_header(head)
    if header is None:
        return 0.0
    names = header.names[1:]
    trained = [name for name in names if not name.startswith("val_")]
    is_sorted = list(names) in (sorted(names), [*sorted(trained), *(f"val_{name}" for name in sorted(trained))])
    if not is_sorted or not any("loss" in name for name in trained) or "step" in names:
        return 0.0
    has_pairs = any(f"val_{name}" in names for name in trained)
    return 0.9 if has_pairs or {"lr", "learning_rate"} & set(trained) or trained == ["loss"] else 0.7


def read_history(source: Source, file: str, meanings: Meanings, steps_per_epoch: int) -> Iterator[Block]:
    """Read one file; its steps are epochs, or batches where a log beside it tells how many an epoch has."""
    first = True
    for chunk in read_tables(source.pieces(file), delimiters=_SEPARATORS):
        names = chunk.header.names
        if first:
            meanings.claim([name for name in names if name and name != "epoch"])
            line = chunk.header.line
            unit = () if steps_per_epoch else (Fact("step_unit", "epoch", file, line),)
            yield Block(file, facts=(Fact("framework", "keras", file, line), *unit), stream=file)
            first = False
        at = names.index("epoch") if "epoch" in names else 0
        epoch = chunk.steps(at)
        if steps_per_epoch:
            epoch = np.where(epoch < _LARGEST_STEP // steps_per_epoch, epoch, NO_STEP)
            epoch = np.where(epoch == NO_STEP, NO_STEP, (epoch + 1) * steps_per_epoch)
        series = {k: meanings.mean(name) for k, name in enumerate(names) if k != at and name}
        yield chunk.block(series, epoch, stream=file)
