"""Loss scalers that cannot do their work: DeepSpeed's, Megatron-LM's, those of Apex and fairseq have the same parts.

Read in DeepSpeed's ``runtime/fp16/loss_scaler.py`` and Megatron-LM's ``core/optimizer/grad_scaler.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.model import Evidence
from nanlog.rules._hazards._precision import computes_in_float16
from nanlog.rules._hazards._stated import Setting, Stated
from nanlog.rules._view import View, number

__all__ = ["scaler"]

#: Micikevicius et al., "Mixed Precision Training" (2018), trained with fixed factors of 8 to 32K.
_LARGEST_FIXED = 32768.0
#: DeepSpeed's own examples begin at 2^32 at most, and so does Megatron-LM by default.
_LARGEST_POWER = 32.0
#: A factor that doubles after w good steps overflows about once in w + 1; DeepSpeed and Megatron-LM take 1000.
_SHORTEST_WINDOW = 10.0


def scaler(view: View, stated: Stated) -> Iterator[Evidence]:
    if computes_in_float16(stated) is None:
        return
    fixed = stated.number("loss_scale", "static_loss_scale")
    if fixed is not None and (value := fixed.number or 0.0) > 0:
        if value > _LARGEST_FIXED:
            says = f"{fixed.key}: {number(value)} is fixed, so no overflow lowers it; up to 32768 have worked"
            yield view.stated(fixed.fact, f"{says} (Micikevicius et al. 2018): 0 makes it dynamic")
        return
    yield from _dynamic(view, stated)


def _dynamic(view: View, stated: Stated) -> Iterator[Evidence]:
    power = stated.number("initial_scale_power")
    first = _first(stated, power)
    if power is not None and (value := power.number or 0.0) > _LARGEST_POWER:
        says = f"{power.key}: {number(value)} begins so high that the first updates, {number(value - 16)} or more,"
        yield view.stated(power.fact, f"{says} are skipped (16 is DeepSpeed's default)")
    for setting in stated.named("hysteresis"):
        if (count := setting.number) is not None and count < 1:
            says = f"hysteresis: {number(count)} never comes down to 1, so the loss scale is never lowered and every"
            yield view.stated(setting.fact, says + " update after the first overflow may be skipped")
    for setting in stated.named("loss_scale_window", "fp16_scale_window"):
        if (steps := setting.number) is not None and steps < _SHORTEST_WINDOW:
            says = f"{setting.key}: {number(steps)} doubles the loss scale so often that one update in"
            yield view.stated(setting.fact, f"{says} {number(max(steps, 0) + 1)} overflows (1000 is usual)")
    least = stated.number("min_loss_scale")
    if least is not None and first is not None and 0 < first <= (least.number or 0.0):
        says = f"min_loss_scale: {number(least.number or 0.0)} is where the loss scale begins: it cannot be lowered,"
        yield view.stated(least.fact, says + " and the first overflow ends the training")


def _first(stated: Stated, power: Setting | None) -> float | None:
    """The loss scale at the beginning."""
    if power is not None and power.number is not None:
        return float(2.0 ** min(power.number, 1000.0))
    first = stated.number("initial_loss_scale", "fp16_init_scale")
    return None if first is None else first.number
