"""Caffe's names -> the names, stages and phases of ``nanlog.model``."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import lru_cache

from nanlog.model import Phase, SeriesInfo, Stage

from ._dating import TRAIN
from ._heads import Direction, Head
from ._net import Structure

__all__ = ["CLIP_NORM", "LOSS_SMOOTHED", "LR", "DebugSeries", "evaluated", "loss", "loss_head", "metric"]

#: Behind every layer.
_LAST = 1_000_000_000
#: Added to the ranks of a pass whose beginning the log lacks: what is missing comes first.
_AFTER_WHAT_IS_MISSING = 1_000_000

LR = SeriesInfo("lr", "lr", Stage.LR, phase=Phase.LR)
CLIP_NORM = SeriesInfo("clip_norm", "Gradient clipping: L2 norm", Stage.CLIP, phase=Phase.BACKWARD, statistic=True)
LOSS_SMOOTHED = SeriesInfo("loss_smoothed", "Iteration N, loss", Stage.SUMMARY, smoothed=True)


@lru_cache(maxsize=4096)
def loss(original: str) -> SeriesInfo:
    return SeriesInfo("loss", original, Stage.LOSS, phase=Phase.FORWARD)


@lru_cache(maxsize=4096)
def loss_head(name: str) -> SeriesInfo:
    return SeriesInfo(f"loss/{name}", name, Stage.LOSS, phase=Phase.FORWARD)


@lru_cache(maxsize=4096)
def metric(name: str) -> SeriesInfo:
    return SeriesInfo(f"metric/{name}", name, Stage.SUMMARY)


@lru_cache(maxsize=4096)
def evaluated(info: SeriesInfo, net: int) -> SeriesInfo:
    """The same, measured on test net #(net - 1): a pass made with the parameters before the step."""
    prefix = "val" if net <= 1 else f"val{net - 1}"
    return replace(info, name=f"{prefix}/{info.name}", stage=Stage.EVALUATION)


class DebugSeries:
    """Names the values of debug_info for one training.

    Ranks count first appearances in a pass.  A parameter blob that has a name of its own gets the index by its place
    among those of its layer, which is what ``[Backward]`` calls it.
    """

    def __init__(self, structures: defaultdict[int, Structure], *, begins_within_pass: bool) -> None:
        self._structures = structures
        self._ranks: defaultdict[tuple[int, Direction], int] = defaultdict(int)
        self._missing = _AFTER_WHAT_IS_MISSING if begins_within_pass else 0
        self._params: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
        self._has_forward_params = False

    def pass_ends(self) -> None:
        """Whatever is new from here on was seen from the beginning of its pass."""
        if self._missing:
            self._missing = 0
            self._ranks.clear()

    def info(self, net: int, head: Head) -> SeriesInfo | None:
        """The series of a head on its first appearance; None for what another line says as well."""
        series = _NORM_SERIES[head.quantity] if head.role == "net" else self._of_layer(net, head)
        return evaluated(series, net) if series is not None and net != TRAIN else series

    def _of_layer(self, net: int, head: Head) -> SeriesInfo | None:
        place = (net, head.direction)
        rank = self._ranks[place] + self._missing
        self._ranks[place] += 1
        layer, blob = head.layer, head.blob
        phase = Phase.BACKWARD if head.direction is Direction.BACKWARD else Phase.FORWARD
        stage = Stage.BACKWARD if head.direction is Direction.BACKWARD else Stage.FORWARD
        name = f"{head.quantity}/{layer}/{blob}"
        if head.role == "param":
            return self._of_param(net, head, rank)
        if head.role == "check":
            return SeriesInfo(f"nonfinite/{layer}/{blob}", head.original, stage, rank, phase, layer, blob)
        if head.direction is Direction.FORWARD and self._is_input(net, layer, blob, rank):
            stage, phase = Stage.INPUT, Phase.INPUT
        return SeriesInfo(name, head.original, stage, rank, phase, layer, blob, statistic=True)

    def _of_param(self, net: int, head: Head, rank: int) -> SeriesInfo | None:
        layer = head.layer
        blob = head.blob
        kind, stage, phase = "param_diff", Stage.BACKWARD, Phase.BACKWARD
        if head.direction is Direction.FORWARD:
            self._has_forward_params = True
            blob = self._index(net, layer, blob)
        if head.direction is Direction.UPDATE and head.quantity == "diff":
            kind, stage, phase = "update", Stage.UPDATE, Phase.UPDATE
        elif head.direction is not Direction.BACKWARD:
            if head.direction is Direction.UPDATE and self._has_forward_params:
                return None
            # A bad parameter at the beginning of a step was made by the update before.
            kind, stage, phase = "param", Stage.STATE, Phase.UPDATE
        return SeriesInfo(f"{kind}/{layer}/{blob}", head.original, stage, rank, phase, layer, blob, statistic=True)

    def _index(self, net: int, layer: str, blob: str) -> str:
        names = self._params[net, layer]
        if blob not in names:
            names.append(blob)
        return blob if blob.isdecimal() else str(names.index(blob))

    def _is_input(self, net: int, layer: str, blob: str, rank: int) -> bool:
        known = self._structures[net].is_input(layer) if net in self._structures else None
        if known is not None:
            return known
        # Without a definition: layers that Caffe's own examples call data, or the first one.
        if "_split" in layer:
            return False
        return rank == 0 or blob in ("data", "label") or layer in ("data", "label", "input")


_NORM_SERIES = {
    "grad_norm": SeriesInfo(
        "grad_norm", "All net params diff: L2 norm", Stage.GRADIENT, _LAST, Phase.BACKWARD, statistic=True
    ),
    "grad_l1": SeriesInfo(
        "grad_l1", "All net params diff: L1 norm", Stage.GRADIENT, _LAST, Phase.BACKWARD, statistic=True
    ),
    "param_norm": SeriesInfo(
        "param_norm", "All net params data: L2 norm", Stage.STATE, _LAST, Phase.UPDATE, statistic=True
    ),
    "param_l1": SeriesInfo(
        "param_l1", "All net params data: L1 norm", Stage.STATE, _LAST, Phase.UPDATE, statistic=True
    ),
}
