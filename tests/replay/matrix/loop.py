# mypy: ignore-errors
"""A training loop as users write it, for targets of ``nanlog replay``: it shares no code with the replay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

__all__ = ["trained"]

_AUTOCAST = {"fp16": torch.float16, "bf16": torch.bfloat16}


def _forever(batches: Any) -> Iterator[Any]:
    if callable(batches) and not hasattr(batches, "__iter__"):
        yield from map(batches, range(10_000))
    while True:
        yield from batches


def trained(made: dict[str, Any], steps: int, saved: int, spoil: Any = None) -> tuple[int | None, Any, list[str]]:
    """The step that broke (None where none did), the checkpoint taken before step ``saved``, and the log.

    ``spoil`` damages the checkpoint, and the training goes on from that.
    """
    batches, checkpoint, log = _forever(made["batches"]), None, []
    for step in range(steps):
        if step == saved:
            checkpoint = _checkpoint(made, step)
            if spoil is not None:
                spoil(checkpoint)
                _resume(made, checkpoint)
        parts = [next(batches) for _ in range(made.get("accumulate", 1))]
        try:
            value = _step(made, parts if "accumulate" in made else parts[0])
        except (IndexError, ValueError, RuntimeError, TypeError) as error:
            return step, checkpoint, [*log, f"{type(error).__name__}: {error}"]
        log.append(f"step {step} loss {value:.6f} lr {_optimizers(made)[0].param_groups[0]['lr']:.6g}")
        if not math.isfinite(value) or _spoilt(made["model"]):
            return step, checkpoint, log
    return None, checkpoint, log


def _optimizers(made: dict[str, Any]) -> list[Any]:
    return made["optimizer"] if isinstance(made["optimizer"], list) else [made["optimizer"]]


def _spoilt(model: Any) -> bool:
    return not all(bool(parameter.isfinite().all()) for parameter in model.parameters())


def _step(made: dict[str, Any], batch: Any) -> float:
    if "step" in made:
        return float(made["step"](batch))
    (optimizer,), scaler, model = _optimizers(made), made.get("scaler"), made["model"]
    optimizer.zero_grad()
    total = 0.0
    parts = batch if "accumulate" in made else [batch]
    for part in parts:
        precision = made.get("precision", "32")
        with torch.autocast("cpu", _AUTOCAST.get(precision, torch.bfloat16), enabled=precision in _AUTOCAST):
            loss = made["loss"](model, part)
            loss = loss["loss"] if isinstance(loss, dict) else loss[0] if isinstance(loss, tuple) else loss
        total += loss.item() / len(parts)
        loss = loss / len(parts)
        (loss if scaler is None else scaler.scale(loss)).backward()
    if scaler is not None:
        scaler.unscale_(optimizer)
    if "clip_norm" in made:
        torch.nn.utils.clip_grad_norm_(model.parameters(), made["clip_norm"])
    if scaler is None:
        optimizer.step()
    else:
        scaler.step(optimizer)
        scaler.update()
    if "scheduler" in made:
        made["scheduler"].step()
    return total


def _checkpoint(made: dict[str, Any], step: int) -> dict[str, Any]:
    optimizers = [each.state_dict() for each in _optimizers(made)]
    parts = {"model": made["model"].state_dict(), "optimizer": optimizers[0] if len(optimizers) == 1 else optimizers}
    for name in ("scaler", "scheduler"):
        if name in made:
            parts[name] = made[name].state_dict()
    copied = _copied(parts)
    return {**copied, "step": step, "rng_state": torch.get_rng_state()}


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_copied(each) for each in value]
    return value.clone() if isinstance(value, torch.Tensor) else value


def _resume(made: dict[str, Any], checkpoint: dict[str, Any]) -> None:
    copied = _copied(checkpoint)
    made["model"].load_state_dict(copied["model"])
    made["optimizer"].load_state_dict(copied["optimizer"])
