"""A classifier in plain torch, with one of several faults or none: torch_plain.py FAULT."""

# mypy: ignore-errors
from __future__ import annotations

# ruff: noqa: T201  a training that prints
import sys

import torch
from torch import nn
from torch.nn import functional

FAULT = sys.argv[1]
BAD = 9


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = Norm(width)
        self.linear = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.linear(self.norm(x).relu())


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x - x.mean(-1, keepdim=True)
        eps = 0.0 if FAULT == "eps_0" else 1e-5
        return self.scale * x / (x.var(-1, keepdim=True) + eps).sqrt()  # FAULT eps_0


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, x: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = q @ k.T / q.shape[-1] ** 0.5
        scores = scores.masked_fill(~visible, float("-inf"))
        return scores.softmax(-1) @ v  # FAULT masked_row


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Linear(6, 16)
        self.blocks = nn.ModuleList(Block(16) for _ in range(2))
        self.attention = Attention(16)
        self.outside = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        x = self.inside(x)
        if FAULT == "eps_0" and step == BAD:
            x = x.clamp(-1e-8, -1e-8)
        for block in self.blocks:
            x = block(x)
        return self.outside(x + self.attention(x, visible))


def objective(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    loss = functional.cross_entropy(out, y)
    if FAULT == "log_0" and step == BAD:
        chosen = (out * 1e4).softmax(-1).gather(1, y[:, None])
        return loss - torch.log(chosen).mean()  # FAULT log_0
    if FAULT == "sqrt_gradient" and step == BAD:
        distance = (out * 0.0).pow(2).sum()
        return loss + torch.sqrt(distance) * 0.01  # FAULT sqrt_gradient
    return loss


torch.manual_seed(0)
net = Net()
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
features = torch.randn(96, 6)
if FAULT == "nan_input":
    features[50, 2] = float("nan")
data = torch.utils.data.TensorDataset(features, torch.randint(0, 3, (96,)))
step = 0
for epoch in range(2):
    for given, y in torch.utils.data.DataLoader(data, batch_size=8, shuffle=True):
        x = given
        visible = torch.ones(len(x), len(x), dtype=torch.bool).tril()
        if FAULT == "masked_row" and step == BAD:
            visible[3] = False
        if FAULT == "nan_written" and step == BAD:
            x[5, 2] = float("nan")
        if FAULT == "empty_mean" and step == BAD:
            x = x - x[y == 7].mean()  # FAULT empty_mean
        loss = objective(net(x, visible), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 8 == 0:
            print(f"step {step} loss {loss.item():.6f}")
        step += 1
    net.eval()
    with torch.no_grad():
        print(f"epoch {epoch} validation {functional.cross_entropy(net(x, visible), y).item():.6f}")
    net.train()
