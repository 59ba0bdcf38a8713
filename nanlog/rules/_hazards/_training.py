"""What a training switches off, how it begins, and what its log would hide."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanlog.model import Evidence, Pattern
from nanlog.rules._hazards._divisors import is_of_optimizer
from nanlog.rules._hazards._stated import Setting, Stated
from nanlog.rules._view import View, number

__all__ = ["training"]

#: Clipping is on by default under these names (transformers 1.0, Megatron-LM 1.0), or is off by being absent.
_CLIPS = ("max_grad_norm", "gradient_clip_val", "grad_clip", "clip_grad", "clipnorm")
_SPREADS = ("initializer_range", "init_method_std")
_WIDTHS = ("hidden_size", "n_embd", "d_model", "dim")
#: He et al. 2015 keep the variance with sqrt(2 / width); ten times that multiplies it by a hundred in every layer.
_FAR = 10.0
_RECURRENT = ("simplernn", "gru", "lstm")


def training(view: View, stated: Stated) -> Iterator[Evidence]:
    for setting in stated.named(*_CLIPS):
        if setting.number == 0:
            yield view.stated(setting.fact, f"{setting.key}: 0 turns the clipping of gradients off")
    for setting in stated.named("momentum", "sgd_momentum"):
        value = setting.number
        if value is not None and value >= 1 and is_of_optimizer(stated, setting):
            yield view.stated(setting.fact, f"{setting.key}: {number(value)} adds up all gradients and forgets none")
    for setting in stated.named(*_SPREADS):
        yield from _initialisation(view, stated, setting)
    yield from _attention(view, stated)
    yield from _recurrence(view, stated)
    if view.onset.pattern is not Pattern.HEALTHY:  # on by default: worth saying where there was something to hide
        for setting in stated.named("logging_nan_inf_filter"):
            if setting.is_on:
                yield view.stated(setting.fact, f"{setting.key} replaces every NaN loss in the log by an average")


def _initialisation(view: View, stated: Stated, setting: Setting) -> Iterator[Evidence]:
    width = stated.number(*_WIDTHS, parent=setting.parent)
    value = setting.number
    if value is None or width is None or not width.number or width.number < 1:
        return
    usual = math.sqrt(2 / width.number)
    if not math.isfinite(value) or value > _FAR * usual:
        says = f"{setting.key}: {number(value)} is far above {number(usual)}, what keeps activations of"
        yield view.stated(setting.fact, f"{says} {width.key}: {number(width.number)} in their range (He et al. 2015)")


def _attention(view: View, stated: Stated) -> Iterator[Evidence]:
    for setting in stated.named("scale_attn_weights", "scale_attention_weights"):
        if setting.word == "false":
            says = f"{setting.key}: false leaves the products of attention as large as the width of a head makes them"
            yield view.stated(setting.fact, f"{says} (Vaswani et al. 2017 divide by its root)")


def _recurrence(view: View, stated: Stated) -> Iterator[Evidence]:
    """Keras: the activation of a recurrent layer."""
    if view.clips is not None:
        return
    for setting in stated.named("activation"):
        layer = setting.parent.removesuffix(".config")
        kinds = (kind.word for kind in stated.named("class_name") if kind.parent == layer)
        if setting.word == "relu" and any(kind in _RECURRENT for kind in kinds):
            says = "relu in a recurrence has no bound: its values grow with the length (Le, Jaitly and Hinton 2015 need"
            yield view.stated(setting.fact, says + " weights that begin as the identity); clip the gradients")
