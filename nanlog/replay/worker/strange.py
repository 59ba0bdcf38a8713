"""What is out of the ordinary in the samples that bring a fault, or in a batch as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from nanlog.replay.outcome import Place

from .inputs import IGNORED_LABEL, bounds_of, scanned
from .probe import batch_names
from .samples import ABSURD, largest_finite, places
from .scene import Scene
from .training import Batch
from .tree import tensors

__all__ = ["beside_the_last", "named_places", "out_of_range", "strange"]

#: A value this many times as far from the others as those are from each other is not one of them.
_OUTSIDE = 3.0


def strange(scene: Scene, batch: Batch, samples: tuple[int, ...]) -> Iterator[str]:
    """Sentences about these samples; none where they are like the others."""
    names, told = _names(batch), set()
    for each in scanned([batch], bounds_of(scene.training.model)).suspects:
        if each.sample in samples:
            told.add((each.sample, each.tensor))
            yield f"sample {each.sample}: {each.says}"
    for place in named_places(batch, samples):
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


def out_of_range(scene: Scene, batch: Batch, samples: tuple[int, ...]) -> str | None:
    """The tensor of the batch in which these samples hold a class or a token that does not exist."""
    bounds = bounds_of(scene.training.model)
    limits = {"label": bounds.classes or bounds.width, "input": bounds.vocabulary}
    for name, rows in batch_names(batch):
        limit = limits.get(name)
        if limit is None or rows.is_floating_point() or not rows.dim() or rows.shape[0] != scene.batch_size:
            continue
        mine = rows[list(samples)]
        if bool((((mine < 0) & (mine != IGNORED_LABEL)) | (mine >= limit)).any()):
            return name
    return None


def named_places(batch: Batch, samples: tuple[int, ...]) -> tuple[Place, ...]:
    """``input`` and ``label`` for what they are called elsewhere."""
    names = _names(batch)
    return tuple(replace(place, tensor=names.get(place.tensor, place.tensor)) for place in places(batch, samples))


def _names(batch: Batch) -> dict[str, str]:
    """What the tensors of a batch are called, by their paths in it."""
    named = {id(tensor): name for name, tensor in batch_names(batch)}
    return {path: named.get(id(tensor)) or path or "input" for path, tensor in tensors(batch)}


def beside_the_last(scene: Scene, batch: Batch) -> Iterator[str]:
    """What of a batch is far larger than in the batch before."""
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
