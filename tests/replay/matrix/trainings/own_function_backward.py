# mypy: ignore-errors
"""A function with a backward of its own, which divides by what may be 0."""

from __future__ import annotations

import torch
from torch import nn

TRUTH = {
    "cause": "undefined_gradient",
    "phase": "backward",
    "op": "Quartic",
    "samples": (6,),
    "step": 18,
    "cure": "guard_op",
}


class Quartic(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs().pow(0.25)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 0.25 * gradient * x.sign() * x.abs().pow(-0.75)  # fault


def target():
    torch.manual_seed(0)
    model = nn.Linear(6, 4, bias=False)
    numbers = torch.Generator().manual_seed(19)
    made = [torch.randn(8, 6, generator=numbers) for _ in range(30)]
    made[18][6] = 0.0
    return {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=1e-3),
        "loss": lambda model, x: Quartic.apply(model(x)).mean(),
        "batches": made,
    }
