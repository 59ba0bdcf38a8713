"""A regression with autocast and a loss scaler on the CPU, with one of several faults or none: torch_amp.py FAULT."""

# mypy: ignore-errors
from __future__ import annotations

# ruff: noqa: T201  a training that prints
import sys

import torch
from torch import nn

FAULT = sys.argv[1]
BAD = 7
HALF = torch.bfloat16 if FAULT == "bfloat16_division" else torch.float16


class Gate(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, width)
        self.down = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.up(x)
        if FAULT == "float16_overflow" and step == BAD:
            x = x * 60000  # still finite
            x = x * 60000  # FAULT float16_overflow
        if FAULT == "bfloat16_division" and step == BAD:
            mask = torch.zeros_like(x)
            x = x + (x * mask).sum(0) / mask.sum(0)  # FAULT bfloat16_division
        return self.down(x.relu())


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Sequential(Gate(8), Gate(8))
        self.head = nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.gates(x)).squeeze(-1)


def main() -> None:
    global step
    torch.manual_seed(1)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**24 if FAULT == "skipped" else 2.0**10)
    x = torch.randn(160, 8)
    for step in range(20):
        part = x[step * 8 : step * 8 + 8]
        with torch.autocast("cpu", HALF):
            out = net(part)
            loss = nn.functional.mse_loss(out, part.sum(1))
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
        print(f"{step} {loss.item():.5f} {scaler.get_scale():g}")


if __name__ == "__main__":
    main()
