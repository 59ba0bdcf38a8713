"""Reads the ``metrics.csv`` of CSVLogger.

Each row holds what was logged together, so that most cells are empty.  ``step`` is the 0-based optimizer step, but for
what ``validation_step`` logs with ``on_step=True``: there it counts the batches of the validation, and the row belongs
to the last step of training before it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanlog.model import Block, IntArray, SeriesInfo, Source, Stage
from nanlog_parsers._names import Names, words
from nanlog_parsers._tables import Chunk, Header, read_tables

__all__ = ["read_metrics"]

#: Columns that say when a row was logged.
_PLACES = frozenset(("epoch", "step", "created_at"))


def read_metrics(source: Source, file: str, names: Names, stream: str) -> Iterator[Block]:
    last = 0
    header: Header | None = None
    for chunk in read_tables(source.pieces(file), delimiters=","):
        if chunk.header != header:
            header = chunk.header
            series = _series(header, names)
        step = chunk.steps(header.names.index("step") if "step" in header.names else -1)
        counted = [position for position in chunk.columns if _counts_batches(header, position, series)]
        if counted:
            step = _of_training(chunk, step, counted, last)
        last = int(step[-1]) if len(step) else last
        yield chunk.block(series, step, stream=stream)


def _series(header: Header, names: Names) -> dict[int, SeriesInfo]:
    named = {position: name for position, name in enumerate(header.names) if name and name not in _PLACES}
    # the set that is validated on is the first one, whatever the alphabet says
    names.claim(name for name in named.values() if "test" not in words(name))
    names.claim(named.values())
    return {position: names.info(name) for position, name in named.items()}


def _counts_batches(header: Header, position: int, series: dict[int, SeriesInfo]) -> bool:
    """Say whether a column is the value of each batch of an evaluation, beside its mean in ``..._epoch``."""
    name = header.names[position]
    return (
        position in series
        and series[position].stage is Stage.EVALUATION_AFTER
        and name.removesuffix("_step") + "_epoch" in header.names
        and name.endswith("_step")
    )


def _of_training(chunk: Chunk, step: IntArray, counted: list[int], last: int) -> IntArray:
    """The step of each row; rows of evaluation batches get that of the row of training before them."""
    is_batch = np.zeros(len(chunk), np.bool_)
    for position in counted:
        is_batch[chunk.columns[position].row] = True
    before = np.maximum.accumulate(np.where(is_batch, -1, np.arange(len(chunk))))
    return np.where(before < 0, last, step[before])
