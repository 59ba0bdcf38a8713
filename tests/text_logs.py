"""Logs written by hand, and the samples of a dialect, read by one parser."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nanlog.model import MarkKind, Parser, Run
from nanlog.source import open_source
from nanlog.store import collect


def run_of(parser: Parser, text: str | bytes | Mapping[str, str]) -> Run:
    """What the parser reads in a file, or in a folder of files."""
    with tempfile.TemporaryDirectory() as folder:
        files = text if isinstance(text, Mapping) else {"train.log": text}
        for name, content in files.items():
            path = Path(folder, "run", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        only = next(iter(files)) if len(files) == 1 and not isinstance(text, Mapping) else ""
        return collect(open_source(str(Path(folder, "run", only))), parser)


def points(run: Run, name: str) -> dict[int, float]:
    """Step and value of a series; of a step that was printed twice the last."""
    series = run.table[name]
    return dict(zip(series.step.tolist(), series.value.tolist(), strict=True))


def first_bad(run: Run, name: str) -> tuple[int, int] | None:
    """Step and line of the first value that is not finite; None where all are."""
    series = run.table[name]
    where = np.flatnonzero(~np.isfinite(series.value))
    return (int(series.step[where[0]]), int(series.line[where[0]])) if len(where) else None


def marks(run: Run, kind: MarkKind) -> list[tuple[int | None, int, str]]:
    """Step, line and text of the marks of a kind."""
    return [(mark.step, mark.line, mark.text) for mark in run.marks if mark.kind is kind]


def same(left: Mapping[int, float], right: Mapping[int, float]) -> bool:
    """Equal, a NaN being equal to a NaN."""
    return left.keys() == right.keys() and all(
        value == right[step] or (math.isnan(value) and math.isnan(right[step])) for step, value in left.items()
    )
