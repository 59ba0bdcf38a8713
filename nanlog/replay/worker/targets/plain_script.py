"""The step of a plain torch training written out as a script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nanlog.replay.worker.naming import split

if TYPE_CHECKING:
    from .plain_step import TorchTraining

__all__ = ["script"]

_TEMPLATE = '''"""Runs step {step} of a training, which goes bad, with nothing but torch."""

import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "code"))

from {module} import {name} as target  # noqa: E402

made = target() if callable(target) else target
if not isinstance(made, dict):
    made = dict(zip(("model", "optimizer", "loss", "batches"), made))
model = made["model"]{cast}
optimizers = made["optimizer"] if isinstance(made["optimizer"], (list, tuple)) else [made["optimizer"]]

checkpoint = torch.load(HERE / "checkpoint.pt", map_location="{device}", weights_only=True)
model.to("{device}").load_state_dict(checkpoint["model"])
for optimizer, state in zip(optimizers, checkpoint["optimizer"]):
    optimizer.load_state_dict(state)
batch = torch.load(HERE / "batch.pt", map_location="{device}", weights_only=False)[{step}]
torch.set_rng_state(checkpoint["rng_state"].cpu())

{body}
print("loss:", loss)
for name, parameter in model.named_parameters():
    if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
        print("not finite: the gradient of", name)
for name, parameter in model.named_parameters():
    if not torch.isfinite(parameter).all():
        print("not finite after the step:", name)
'''


def script(training: TorchTraining, target: str, step: int) -> str:
    """The text of ``repro.py``."""
    where, name = split(target)
    module = Path(where).stem if where.endswith(".py") else where
    return _TEMPLATE.format(
        module=module,
        name=name,
        step=step,
        device=training.device.type,
        cast=_CASTS.get(training.precision, ""),
        body="\n".join(_body(training)),
    )


_CASTS = {"16-true": ".half()", "bf16-true": ".bfloat16()", "64": ".double()"}
_AUTOCASTS = {"16-mixed": "torch.float16", "bf16-mixed": "torch.bfloat16"}


def _body(training: TorchTraining) -> list[str]:
    if training.step is not None:
        return ['loss = made["step"](batch)']
    scaled = training.scaler is not None
    lines = ["loss = 0.0"] if training.accumulate > 1 else []
    if scaled:
        lines += ['scaler = made["scaler"]', 'scaler.load_state_dict(checkpoint["others"][0])']
    indent = ""
    if training.accumulate > 1:
        lines += ["for part in batch:"]
        indent = "    "
    call = 'made["loss"](model, {0})' if training.passes_model else 'made["loss"]({0})'
    call = call.format("part" if training.accumulate > 1 else "batch")
    if training.precision in _AUTOCASTS:
        lines.append(f'{indent}with torch.autocast("{training.device.type}", {_AUTOCASTS[training.precision]}):')
        lines.append(f"{indent}    value = {call}")
    else:
        lines.append(f"{indent}value = {call}")
    share = f"(value / {training.accumulate})" if training.accumulate > 1 else "value"
    lines.append(f"{indent}{f'scaler.scale({share})' if scaled else share}.backward()")
    lines.append(f"{indent}loss = value.item()")
    if scaled and (training.clip_norm is not None or training.clip_value is not None):
        lines.append("scaler.unscale_(optimizers[0])")
    if training.clip_value is not None:
        lines.append(f"torch.nn.utils.clip_grad_value_(model.parameters(), {training.clip_value})")
    if training.clip_norm is not None:
        lines.append(f"torch.nn.utils.clip_grad_norm_(model.parameters(), {training.clip_norm})")
    return [*lines, "scaler.step(optimizers[0])" if scaled else "for each in optimizers:\n    each.step()"]
