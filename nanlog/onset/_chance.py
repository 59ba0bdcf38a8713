"""The loss of guessing, from the net that the log prints."""

from __future__ import annotations

import math

import numpy as np

from nanlog.model import Run, Series
from nanlog.onset._growth import Growth

#: At least so many points, an accuracy that stays below and moves less than this, a loss above that.
_POINTS = 4
_GUESSING = 0.6
_FLAT = 0.05
_ABSURD = 30.0
_CROSS_ENTROPY = ("SoftmaxWithLoss", "SoftmaxLoss", "MultinomialLogisticLoss")


def chance_level(run: Run) -> float | None:
    """ln(classes) when the training loss is one unweighted cross-entropy of known width; None otherwise.

    A classifier that guesses has this loss, whatever its weights: losses that stay far above it are confidently wrong.
    """
    layers: dict[str, dict[str, object]] = {}
    for fact in run.facts:
        if fact.key.startswith("net.train.layer["):
            index, _, field = fact.key[len("net.train.") :].partition(".")
            layers.setdefault(index, {})[field] = fact.value
    losses = [layer for layer in layers.values() if str(layer.get("type", "")).endswith("Loss")]
    if len(losses) != 1 or losses[0].get("type") not in _CROSS_ENTROPY:
        return None
    loss = losses[0]
    if any(key.startswith("loss_weight") and value != 1.0 for key, value in loss.items()):
        return None
    width = _width(layers, str(loss.get("bottom[0]", "")))
    return math.log(width) if width is not None and width > 1 else None


def confidently_wrong(run: Run, loss: Series) -> Growth | None:
    """A classifier whose loss is absurd at every point while its accuracy never moves: it diverged before the first.

    A mean cross-entropy above 30 gives the right class a probability of e^-30 on average.
    """
    for name, accuracy in run.table.items():
        if not name.startswith("metric/") or "acc" not in name.lower() or len(accuracy) < _POINTS:
            continue
        share = accuracy.value / 100 if accuracy.value.max() > 1.0 else accuracy.value
        flat = float(share.max()) < _GUESSING and float(np.ptp(share)) < _FLAT
        if flat and len(loss) >= _POINTS and float(loss.value.min()) > _ABSURD:
            level = float(np.median(loss.value))
            return Growth(0, len(loss), level, level, float(loss.value.max()))
    return None


def _width(layers: dict[str, dict[str, object]], blob: str) -> int | None:
    """Number of outputs of the layer that wrote ``blob``, looking through layers that keep the shape."""
    for layer in reversed(list(layers.values())):
        tops = [value for key, value in layer.items() if key.startswith("top[")]
        if blob not in tops:
            continue
        for key in ("inner_product_param.num_output", "convolution_param.num_output"):
            if isinstance(value := layer.get(key), int):
                return value
    return None
