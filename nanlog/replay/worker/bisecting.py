"""The samples of the bad batch that bring the fault, and what is out of the ordinary in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from nanlog.replay.outcome import Place, ReplayPhase
from nanlog.replay.protocol import Send

from .faults import CouldNotRun
from .inputs import bounds_of, scanned
from .looking import looked_at
from .probe import batch_names
from .samples import ABSURD, Judge, bisect, largest_finite, places, size_of
from .scene import Scene
from .stepping import OutOfMemoryError, run_one
from .symptoms import Watch
from .training import Batch
from .tree import tensors

__all__ = ["bisected"]

_BY_SAMPLES = (ReplayPhase.INPUT, ReplayPhase.FORWARD, ReplayPhase.BACKWARD)
#: A value this many times as far from the others as those are from each other is not one of them.
_OUTSIDE = 3.0
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
        scene.strange = tuple(dict.fromkeys(_strange(scene, batch, found.samples)))
        where = _named_places(batch, found.samples)
        scene.first = replace(first, samples=found.samples, places=where or first.places)
    elif first.phase is not ReplayPhase.INPUT:
        scene.first = replace(first, samples=None)
    scene.training.restore(scene.at_bad)


def _as_a_whole(scene: Scene, batch: Batch) -> None:
    """No sample stands out from the others: does the batch, from the one before?"""
    scene.strange = tuple(_beside_the_last(scene, batch))
    bad_data = scene.first is not None and scene.first.phase is ReplayPhase.INPUT
    scene.whole = bad_data or bool(scene.strange) or scene.batch_size == 1


def _beside_the_last(scene: Scene, batch: Batch) -> Iterator[str]:
    try:
        last = dict(tensors(scene.batch(scene.bad - 1)))
    except LookupError:
        return
    names = _names(batch)
    for path, rows in tensors(batch):
        if path in last and rows.is_floating_point():
            now, before = largest_finite(rows), largest_finite(last[path])
            if before and now > ABSURD * before:
                yield f"{names[path]} of this batch goes up to {now:.3g}; that of the one before up to {before:.3g}"


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


def _named_places(batch: Batch, samples: tuple[int, ...]) -> tuple[Place, ...]:
    """``input`` and ``label`` for what they are called elsewhere."""
    names = _names(batch)
    return tuple(replace(place, tensor=names.get(place.tensor, place.tensor)) for place in places(batch, samples))


def _names(batch: Batch) -> dict[str, str]:
    """What the tensors of a batch are called, by their paths in it."""
    named = {id(tensor): name for name, tensor in batch_names(batch)}
    return {path: named.get(id(tensor)) or path or "input" for path, tensor in tensors(batch)}


def _strange(scene: Scene, batch: Batch, samples: tuple[int, ...]) -> Iterator[str]:
    names, told = _names(batch), set()
    for each in scanned([batch], bounds_of(scene.training.model)).suspects:
        if each.sample in samples:
            told.add((each.sample, each.tensor))
            yield f"sample {each.sample}: {each.says}"
    for place in _named_places(batch, samples):
        if (place.sample, place.tensor) not in told:
            yield f"sample {place.sample}: {place.tensor}{list(place.index) or ''} is {place.value:g}"
    for path, rows in tensors(batch):
        if rows.dim() and rows.shape[0] == scene.batch_size and not rows.is_complex() and rows.dtype != torch.bool:
            bad = tuple(sample for sample in samples if (sample, names[path]) not in told)
            yield from _outside(names[path], rows, samples, bad)


def _outside(name: str, rows: torch.Tensor, samples: tuple[int, ...], asked: tuple[int, ...]) -> Iterator[str]:
    others = rows[[index for index in range(len(rows)) if index not in samples]].double()
    if not others.numel() or not bool(others.isfinite().all()):
        return
    low, high = float(others.min()), float(others.max())
    reach = _OUTSIDE * (high - low)
    for sample in asked if reach else ():
        for value in (float(rows[sample].double().min()), float(rows[sample].double().max())):
            if value < low - reach or value > high + reach:
                yield f"sample {sample}: {name} holds {value:g}; the others hold {low:g} to {high:g}"
