"""The samples of the bad batch that bring the fault, and what is out of the ordinary in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from nanlog.replay.outcome import ReplayPhase
from nanlog.replay.protocol import Send

from .inputs import bounds_of, scanned
from .looking import looked_at
from .samples import bisect, places, size_of
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
    batch = scene.batch(scene.bad)
    scene.batch_size = size_of(batch)
    send("stage", says=f"looking for the samples of step {scene.bad} that bring it")
    if scene.batch_size in (None, 1) or getattr(scene.training, "accumulate", 1) > 1:
        return
    found = bisect(batch, _judge(scene, tick))
    scene.samples = found.samples
    if found.samples is not None:
        scene.strange = tuple(dict.fromkeys(_strange(scene, batch, found.samples)))
        where = places(batch, found.samples)
        scene.first = replace(first, samples=found.samples, places=where or first.places)
    elif first.phase is not ReplayPhase.INPUT:
        scene.first = replace(first, samples=None)
    scene.training.restore(scene.at_bad)


def _judge(scene: Scene, tick: Callable[[object], None]) -> Callable[[Batch], bool | None]:
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
    found, known = looked_at(scene, batch)[0], scene.first
    if found is None or None in (found.line, known.line):
        return False
    return found.op != known.op and (found.file, found.line) != (known.file, known.line)


def _strange(scene: Scene, batch: Batch, samples: tuple[int, ...]) -> Iterator[str]:
    for place in places(batch, samples):
        yield f"sample {place.sample}: {place.tensor or 'input'}{list(place.index)} is {place.value:g}"
    for each in scanned([batch], bounds_of(scene.training.model)).suspects:
        if each.sample in samples:
            yield f"sample {each.sample}: {each.says}"
    for path, rows in tensors(batch):
        if rows.dim() and rows.shape[0] == scene.batch_size and not rows.is_complex() and rows.dtype != torch.bool:
            yield from _outside(path, rows, samples)


def _outside(path: str, rows: torch.Tensor, samples: tuple[int, ...]) -> Iterator[str]:
    others = rows[[index for index in range(len(rows)) if index not in samples]].double()
    if not others.numel() or not bool(others.isfinite().all()):
        return
    low, high = float(others.min()), float(others.max())
    reach = _OUTSIDE * (high - low)
    for sample in samples if reach else ():
        for value in (float(rows[sample].double().min()), float(rows[sample].double().max())):
            if value < low - reach or value > high + reach:
                yield f"sample {sample}: {path or 'input'} holds {value:g}; the others hold {low:g} to {high:g}"
