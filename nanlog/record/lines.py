"""One JSON object a line for each step, in the words that ``nanlog diagnose`` reads."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from .measured import Measured

__all__ = ["Lines", "by_layer", "joint"]


class Lines:
    """``log.jsonl``: ``step``, ``loss``, ``lr``, ``grad_norm``, ``param_norm``; ``grads`` by layer now and then.

    Written line by line, so that a killed training leaves all but the last.
    """

    def __init__(self, path: Path, layers_every: int) -> None:
        self.path, self.layers_every = path, layers_every
        self._file: TextIO | None = None
        self._process = os.getpid()

    def step(self, measured: Measured, *, bad: bool = False) -> None:
        self._write(self._row(measured, layers=bad or self._layers_due(measured.step)))

    def checkpoint(self, path: str, step: int) -> None:
        self._write({"step": step, "event": "checkpoint saved", "path": path})

    def note(self, step: int, says: str) -> None:
        self._write({"step": step, "note": says})

    def close(self) -> None:
        if self._file is not None and self._process == os.getpid():
            self._file.close()
        self._file = None

    def _layers_due(self, step: int) -> bool:
        return bool(self.layers_every) and step % self.layers_every == 0

    def _row(self, measured: Measured, *, layers: bool) -> dict[str, Any]:
        row: dict[str, Any] = {"step": measured.step, "time": round(time.time(), 3)}
        if (loss := measured.loss) is not None:
            row["loss"] = loss
        if len(measured.rates) == 1:
            row["lr"] = measured.rates[0]
        else:
            row |= {f"lr/group{place}": rate for place, rate in enumerate(measured.rates)}
        if measured.gradients:
            row["grad_norm"] = joint(measured.gradients.values())
        if measured.parameters:
            row["param_norm"] = joint(measured.parameters.values())
        if measured.scale is not None:
            row["loss_scale"] = measured.scale
        if layers and measured.gradients:
            row["grads"] = by_layer(measured.gradients)
        return row

    def _write(self, row: Mapping[str, Any]) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8", buffering=1)
        self._file.write(json.dumps(row) + "\n")


def joint(norms: Any) -> float:
    """The norm of all together, as ``clip_grad_norm_`` returns it."""
    return math.sqrt(sum(norm * norm for norm in norms))


def by_layer(norms: Mapping[str, float]) -> dict[str, float]:
    """Weight and bias of a layer together, by the name of its module."""
    found: dict[str, list[float]] = {}
    for name, norm in norms.items():
        layer = name.rpartition("/" if "/" in name else ".")[0] or name  # Keras: sequential/dense/kernel
        found.setdefault(layer, []).append(norm)
    return {layer: joint(each) for layer, each in found.items()}
