"""The samples of the bad batch that bring the fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from nanlog.replay.outcome import ReplayPhase
from nanlog.replay.protocol import Send

from .faults import CouldNotRun
from .looking import looked_at
from .samples import Judge, bisect, size_of
from .scene import Scene
from .stepping import OutOfMemoryError, run_one
from .strange import beside_the_last, named_places, out_of_range, strange
from .symptoms import Watch
from .training import Batch

__all__ = ["bisected"]

_BY_SAMPLES = (ReplayPhase.INPUT, ReplayPhase.FORWARD, ReplayPhase.BACKWARD)
#: Batches that code not made for them may fail on: one without a variance, or without a negative pair.
_FEW = 2


def bisected(scene: Scene, send: Send, tick: Callable[[object], None]) -> None:
    """Fill in ``samples``, ``strange`` and ``batch_size`` of the scene, and the samples of ``first``."""
    first = scene.first
    if first is None or first.phase not in _BY_SAMPLES:
        return
    send("stage", says=f"looking for the samples of step {scene.bad} that bring it")
    batch, goes_bad = scene.batch(scene.bad), _judge(scene, tick)
    if getattr(scene.training, "accumulate", 1) > 1:
        scene.micro = _micro(batch, goes_bad)
        if scene.micro is None:
            return
        batch, goes_bad = _inside(batch, scene.micro, goes_bad)
    scene.batch_size = size_of(batch)
    if scene.batch_size is None or (scene.batch_size == 1 and scene.micro is None):
        _as_a_whole(scene, batch)
        return
    found = bisect(batch, goes_bad)
    scene.samples = found.samples
    if found.samples is None and scene.micro is None:
        _as_a_whole(scene, batch)
    if found.samples is not None:
        scene.strange = tuple(dict.fromkeys(strange(scene, batch, found.samples)))
        where = named_places(batch, found.samples)
        wrong = out_of_range(scene, batch, found.samples) if scene.symptom.kind == "raised" else None
        scene.first = replace(first, samples=found.samples, places=where or first.places, tensor=first.tensor or wrong)
    elif first.phase is not ReplayPhase.INPUT:
        scene.first = replace(first, samples=None)
    scene.training.restore(scene.at_bad)


def _as_a_whole(scene: Scene, batch: Batch) -> None:
    """No sample stands out from the others: does the batch, from the one before?"""
    scene.strange = tuple(beside_the_last(scene, batch))
    bad_data = scene.first is not None and scene.first.phase is ReplayPhase.INPUT
    scene.whole = bad_data or bool(scene.strange) or scene.batch_size == 1


def _micro(parts: Sequence[Batch], goes_bad: Judge) -> int | None:
    """The one micro-batch that brings the fault; None where it takes several, or none does it alone."""
    left = list(range(len(parts)))
    while len(left) > 1:
        half = left[: len(left) // 2]
        left = half if goes_bad([parts[index] for index in half]) else left[len(half) :]
    rest = [part for index, part in enumerate(parts) if index != left[0]]
    alone = bool(rest) and goes_bad([parts[left[0]]]) is True and goes_bad(rest) is False
    return left[0] if alone else None


def _inside(parts: Sequence[Batch], micro: int, goes_bad: Judge) -> tuple[Batch, Judge]:
    """That micro-batch, and a judge of others in its place."""
    before, after = parts[:micro], parts[micro + 1 :]
    return parts[micro], lambda part: goes_bad([*before, part, *after])


def _judge(scene: Scene, tick: Callable[[object], None]) -> Judge:
    scene.training.restore(scene.at_bad)
    watch = Watch(scene.training)

    def goes_bad(batch: Batch) -> bool | None:
        """The same fault, none, or another one: a batch of one sample may fail for its size."""
        tick(None)
        scene.training.restore(scene.at_bad)
        try:
            done = run_one(scene.training, watch, batch, scene.bad)
        except OutOfMemoryError:
            return None
        if done.symptom is None:
            return False
        if (done.symptom.kind == "raised") != (scene.symptom.kind == "raised"):
            return None
        return None if _another(scene, batch) else True

    return goes_bad


def _another(scene: Scene, batch: Batch) -> bool:
    """Whether a batch of one or two goes bad for its size alone: in another operation, on another line."""
    if (size_of(batch) or 0) > _FEW or scene.first is None:
        return False
    try:
        found, known = looked_at(scene, batch)[0], scene.first
    except CouldNotRun:
        return False
    if found is None or None in (found.line, known.line):
        return False
    return found.op != known.op and (found.file, found.line) != (known.file, known.line)
