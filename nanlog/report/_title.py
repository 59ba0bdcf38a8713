"""What stands at the head of a report: which log it is about, and how much of it was read."""

from __future__ import annotations

from nanlog.model import Run
from nanlog.report._calm import span
from nanlog.report._words import counted, name

__all__ = ["extent", "folder"]


def folder(run: Run) -> str:
    """What the names of the run's files begin with and its title says."""
    if run.source in run.files:
        return run.source[: run.source.rfind("/") + 1]
    return run.source.rstrip("/") + "/"


def extent(run: Run) -> str:
    """What was read: ``caffe, 2 files, 1,204 lines, steps 0 to 99``."""
    parts = [name(run.parser)]
    if len(run.files) > 1:
        parts.append(counted(len(run.files) - len(run.left_out), "file"))
    if run.left_out:
        parts.append(f"{counted(len(run.left_out), 'file')} left out")
    parts.append(counted(run.lines, run.unit))
    if (steps := span(run)) is not None:
        parts.append(f"steps {steps[0]} to {steps[1]}")
    return ", ".join(parts)
