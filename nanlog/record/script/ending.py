"""What ``nanlog record`` says when the script has ended: where it broke, and the next command."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from typing import Any

from nanlog.replay.outcome import FirstNonfinite

from .asked import Asked

__all__ = ["again", "said"]


def said(record: Any) -> Iterator[str]:
    """Nothing about a healthy run, unless somebody sits at a terminal."""
    asked: Asked = record.asked
    if record.trouble is not None:
        yield record.trouble
    flight = None if record.watch is None else record.watch.cast.flight
    if asked.quiet or asked.locating:
        return
    if record.watch is None:
        if record.trouble is None:
            yield f"{asked.command[0]} did not import torch: there was nothing to record"
    elif flight is None:
        yield f"{asked.command[0]} called no model of torch to train it: there was nothing to record"
    elif flight.found is not None:
        yield from _broken(record, flight)
    elif record.unfinished is not None:
        yield (
            f"the script ended in the middle of step {record.unfinished}, after forward and before backward."
            f" What it saw there: {again(asked, record.unfinished)}"
        )
    elif sys.stderr.isatty():
        skipped = f", {len(flight.skipped)} updates left out by the loss scaler" if flight.skipped else ""
        yield f"{flight.step} steps, all finite{skipped}; the log is {flight.lines.path}"


def _broken(record: Any, flight: Any) -> Iterator[str]:
    found, first = flight.found, record.watch.probing.first
    yield f"in step {found.step} {found}"
    if first is not None:
        yield f"first not finite: {where(first)}"
    if flight.bundle is not None:
        yield f"the state before, the batches and random numbers: {flight.bundle}"
    yield f"the log: nanlog diagnose {shlex.quote(str(flight.lines.path))}"
    if first is None and not record.asked.locate:
        yield f"which operator it was: {again(record.asked, max(0, found.step - 1))}"


def again(asked: Asked, step: int) -> str:
    """The command for a second run that looks into the steps from ``step`` on."""
    module = ["-m"] if asked.module else []
    return shlex.join(["nanlog", "record", "--probe-from", str(step), *module, *asked.command])


def where(first: FirstNonfinite) -> str:
    """``forward, log in head (train.py:12: loss = torch.log(p)), step 3``."""
    parts = [first.phase.value.replace("_", " ")]
    if first.op:
        parts.append(first.op)
    if first.tensor and first.tensor != first.phase.value:
        parts.append(first.tensor)
    text = ", ".join(parts) + (f" in {first.module}" if first.module else "")
    code = f": {first.code}" if first.code else ""
    place = f" ({first.file}:{first.line}{code})" if first.file else ""
    return f"{text}{place}, step {first.step}"
