"""A batch taken apart: which samples bring the fault, and where in them something is out of the ordinary.

A sample is a row of every tensor whose first dimension is the batch, and an element of every list that is as long.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import torch

from nanlog.replay.outcome import Place

from .tree import mapped, tensors

__all__ = [
    "ABSURD",
    "Bisection",
    "Judge",
    "bisect",
    "largest_finite",
    "only",
    "places",
    "repeated",
    "size_of",
    "without",
]

#: A sample whose largest value exceeds that of the median sample by this factor is absurd.  An image that was not
#: divided by 255 does (255 times), features scaled to unit variance do not (a normal variable stays below 10).
ABSURD = 100.0
_MOST_PLACES = 32

Subset = tuple[int, ...]
#: Whether a batch shows the same fault; None where that cannot be said (it fails in another way).
Judge = Callable[[Any], bool | None]


@dataclass(slots=True)
class Bisection:
    """The samples that bring the fault.

    ``samples`` do so each by itself or, where ``together``, only as a group; None where none could be named, and
    ``says`` why.  ``unjudged`` counts subsets that could not be run, ``runs`` all that were.
    """

    samples: Subset | None = None
    together: bool = False
    says: str = ""
    unjudged: int = 0
    runs: int = 0
    alone: bool = field(default=True)


def size_of(batch: Any) -> int | None:
    """How many samples a batch holds; None where it cannot be taken apart."""
    if _is_packed(batch):
        return None
    parts = list(_parts(batch))
    votes = [part.shape[0] for part in parts if isinstance(part, torch.Tensor) and part.dim()]
    if not votes:
        nested = [tensor.shape[0] for _, tensor in tensors(batch) if tensor.dim()]
        lengths = [len(part) for part in parts if isinstance(part, list | tuple)]
        if nested and (len(set(nested)) == 1 or not lengths):
            votes = nested
        elif lengths or (isinstance(batch, list) and parts):
            votes = lengths or [len(batch)]
    return Counter(votes).most_common(1)[0][0] if votes else None


def _parts(batch: Any) -> Iterator[Any]:
    if isinstance(batch, Mapping):
        yield from batch.values()
    elif isinstance(batch, list | tuple):
        yield from batch
    elif is_dataclass(batch) and not isinstance(batch, type):
        yield from (getattr(batch, each.name) for each in fields(batch))
    else:
        yield batch


def _is_packed(batch: Any) -> bool:
    """Packed sequences and batches of graphs interleave their samples."""
    if isinstance(batch, torch.nn.utils.rnn.PackedSequence) or hasattr(batch, "edge_index"):
        return True
    return isinstance(batch, list | tuple | Mapping) and any(_is_packed(part) for part in _parts(batch))


def only(batch: Any, samples: Sequence[int]) -> Any:
    """The same batch with these samples, in this order; one may come several times."""
    size = size_of(batch)
    if size is None:
        raise ValueError("this batch cannot be taken apart into samples")
    return _taken(batch, list(samples), size)


def without(batch: Any, samples: Sequence[int]) -> Any:
    """The same batch without these samples."""
    left_out = set(samples)
    return only(batch, [index for index in range(size_of(batch) or 0) if index not in left_out])


def repeated(batch: Any, samples: Sequence[int]) -> Any:
    """A batch as large as before, of these samples over and over: for code that expects a size."""
    return only(batch, [samples[index % len(samples)] for index in range(size_of(batch) or 0)])


def _taken(tree: Any, samples: list[int], size: int) -> Any:
    if isinstance(tree, torch.Tensor):
        if not tree.dim() or tree.shape[0] != size:
            return tree
        taken = tree.detach()[torch.tensor(samples, device=tree.device, dtype=torch.long)]
        return taken.requires_grad_(tree.requires_grad)
    if (
        isinstance(tree, list | tuple)
        and len(tree) == size
        and not hasattr(tree, "_fields")
        and not _is_container(tree, size)
    ):
        return type(tree)(tree[index] for index in samples)
    if isinstance(tree, list | tuple) and not hasattr(tree, "_fields"):
        return type(tree)(_taken(value, samples, size) for value in tree)
    if isinstance(tree, Mapping):
        made: Any = mapped(tree, lambda tensor: tensor)
        made = dict(made) if made is tree else made
        for key, value in tree.items():
            made[key] = _taken(value, samples, size)
        return made
    return mapped(tree, lambda tensor: _taken(tensor, samples, size))


def _is_container(values: Sequence[Any], size: int) -> bool:
    """A pair of tensors in a batch of two is no list of samples: its tensors have rows of their own."""
    return any(isinstance(v, torch.Tensor) and v.dim() and v.shape[0] == size for v in values) and all(
        not isinstance(v, torch.Tensor) or (v.dim() and v.shape[0] == size) for v in values
    )


def bisect(batch: Any, goes_bad: Judge, *, most_runs: int | None = None) -> Bisection:
    """Find the samples of a batch that bring the fault.

    ``goes_bad`` runs the step on a batch from the same state.  Both halves of a bad set are followed, so that several
    bad samples are found; what is left when all of them are out is run to see that they are the whole reason.
    """
    size = size_of(batch)
    if size is None:
        return Bisection(says="the batch cannot be taken apart into samples")
    if size == 1:
        return Bisection((0,), says="the batch holds one sample")
    search = _Search(batch, size, goes_bad, most_runs or 64 + 8 * math.ceil(math.log2(size)) * 4)
    return search.found()


class _Search:
    """Group testing with as few runs as a few bad samples need."""

    def __init__(self, batch: Any, size: int, goes_bad: Judge, most_runs: int) -> None:
        self.batch, self.size, self.most = batch, size, most_runs
        self._judge = goes_bad
        self.result = Bisection()
        self._known: dict[Subset, bool | None] = {}

    def found(self) -> Bisection:
        result, everyone = self.result, tuple(range(self.size))
        bad: list[Subset] = []
        rest = everyone
        while True:
            new = self._within(rest, depth=0)
            if not new or result.runs >= self.most:
                break
            bad.extend(new)
            rest = tuple(index for index in rest if not any(index in group for group in bad))
            if len(rest) <= self.size // 2 or self._is_bad(rest) is not True:
                break
        return self._told(bad, rest)

    def _within(self, subset: Subset, depth: int) -> list[Subset]:
        """The smallest bad sets in a set that is bad; one that needs both halves stays whole, cut from the outside."""
        if len(subset) == 1:
            return [subset]
        if self._hopeless():
            return [subset]
        middle = len(subset) // 2
        halves = [half for half in (subset[:middle], subset[middle:]) if self._is_bad(half) is True]
        if not halves:
            return [self._shrunk(subset)]
        return [each for half in halves for each in self._within(half, depth + 1)]

    def _shrunk(self, subset: Subset) -> Subset:
        """Leave out what is not needed for the fault: neither half brings it alone."""
        kept, step = subset, max(1, len(subset) // 4)
        while step and not self._hopeless():
            for start in range(0, len(kept), step):
                less = kept[:start] + kept[start + step :]
                if len(less) > 1 and self._is_bad(less) is True:
                    kept = less
                    break
            else:
                step //= 2
        return kept

    def _hopeless(self) -> bool:
        return self.result.runs >= self.most

    def _is_bad(self, subset: Subset) -> bool | None:
        if subset not in self._known:
            if self._hopeless():
                return None
            self._known[subset] = self._run(subset)
        return self._known[subset]

    def _run(self, subset: Subset) -> bool | None:
        verdict = None
        if self.result.alone:
            self.result.runs += 1
            verdict = self._judge(only(self.batch, subset))
        if verdict is None:
            self.result.runs += 1
            verdict = self._judge(repeated(self.batch, subset))
            if verdict is not None and len(subset) > 1:
                self.result.alone = False  # the code wants its batch size
        self.result.unjudged += verdict is None
        return verdict

    def _told(self, bad: list[Subset], rest: Subset) -> Bisection:
        result = self.result
        named = tuple(sorted({index for group in bad for index in group}))
        unjudged = f"; {result.unjudged} subsets could not be judged" if result.unjudged else ""
        if self._hopeless():
            result.says = f"the search was ended after {result.runs} runs{unjudged}"
            return result
        if len(named) > self.size // 2 and self.size > 2:
            result.says = (
                f"{len(named)} of {self.size} samples bring the fault: it is not due to single samples{unjudged}"
            )
        elif not rest or self._is_bad(rest) is not False:
            why = "cannot be judged" if rest and self._is_bad(rest) is None else "is bad, too"
            result.says = (
                f"the batch without samples {', '.join(map(str, named[:8]))} {why}: no sample alone brings it{unjudged}"
            )
        else:
            result.samples = named
            result.together = any(len(group) > 1 for group in bad)
            how = "together" if result.together else "each by itself" if len(named) > 1 else "by itself"
            result.says = f"sample{'s' if len(named) > 1 else ''} {', '.join(map(str, named[:8]))} {how}{unjudged}"
        return result


def places(batch: Any, samples: Sequence[int]) -> tuple[Place, ...]:
    """In each of the samples and tensors, the first element that is not finite.

    Where all are, the largest one if it is absurd beside the other samples of the batch.
    """
    found = []
    for sample in samples:
        for path, rows in _rows(batch):
            place = _nonfinite(rows, sample, path) or _absurd(rows, sample, path, set(samples))
            if place is not None:
                found.append(place)
    return tuple(found[:_MOST_PLACES])


def _rows(batch: Any) -> Iterator[tuple[str, Sequence[torch.Tensor]]]:
    """Each tensor as its samples; lists of tensors likewise."""
    size = size_of(batch)
    for path, tensor in tensors(batch):
        if size is not None and tensor.dim() and tensor.shape[0] == size and not tensor.is_complex():
            yield path, tensor.detach()


def _nonfinite(rows: Sequence[torch.Tensor], sample: int, path: str) -> Place | None:
    row = rows[sample]
    if not row.is_floating_point():
        return None
    where = (~torch.isfinite(row)).nonzero()
    if not len(where):
        return None
    index = tuple(where[0].tolist())
    return Place(sample, path, index, float(row[index]))


def _absurd(rows: Sequence[torch.Tensor], sample: int, path: str, bad: set[int]) -> Place | None:
    row = rows[sample]
    if row.dtype is torch.bool or not row.numel():
        return None
    others = [_largest(rows[index]) for index in range(len(rows)) if index not in bad]
    usual = sorted(size for size in others if math.isfinite(size))
    # Where most are 0 (classes, sparse features), the largest of the others says what is usual.
    if not usual or _largest(row) <= ABSURD * (usual[len(usual) // 2] or usual[-1] or 1.0):
        return None
    flat = int(row.abs().argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), row.shape)) if row.dim() else ()
    return Place(sample, path, index, float(row[index]))


def largest_finite(tensor: torch.Tensor) -> float:
    """The largest absolute value of those that are finite; 0 where there is none."""
    sizes = tensor.detach().abs()
    sizes = sizes[torch.isfinite(sizes)]
    return float(sizes.max()) if sizes.numel() else 0.0


def _largest(row: torch.Tensor) -> float:
    return float(row.abs().max()) if row.numel() and row.dtype is not torch.bool else 0.0
