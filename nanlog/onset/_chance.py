"""The loss of guessing, from the net that the log prints."""

from __future__ import annotations

import math

from nanlog.model import Run

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
