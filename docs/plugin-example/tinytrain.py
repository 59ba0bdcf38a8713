"""The program whose logs are read: logistic regression on one feature, with every mistake one can make.

python tinytrain.py --lr 0.5 --eps 1e-7 > samples/healthy.log
"""

from __future__ import annotations

import argparse

import numpy as np


def main() -> None:
    settings = argparse.ArgumentParser(description=__doc__)
    settings.add_argument("--lr", type=float, default=0.5)
    settings.add_argument("--eps", type=float, default=1e-7)
    settings.add_argument("--steps", type=int, default=40)
    settings.add_argument("--seed", type=int, default=7)
    settings.add_argument("--outlier", type=int, default=-1, help="step whose batch holds a value of 1e4")
    settings.add_argument("--linear", action="store_true", help="regression with a squared error instead")
    train(settings.parse_args())


def train(settings: argparse.Namespace) -> None:
    chance = np.random.default_rng(settings.seed)
    weight, bias = 0.1, 0.0
    print(f"tinytrain 1.2 lr={settings.lr} eps={settings.eps} steps={settings.steps} seed={settings.seed}")
    for step in range(settings.steps):
        x = chance.normal(size=32)
        if step == settings.outlier:
            x[0] = 1e4
        y = 3.0 * x if settings.linear else (x > 0).astype(float)
        with np.errstate(all="ignore"):
            z = weight * x + bias
            if settings.linear:
                loss, error = np.mean((z - y) ** 2), 2 * (z - y)
            else:
                p = 1 / (1 + np.exp(-z))
                loss = -np.mean(y * np.log(p + settings.eps) + (1 - y) * np.log(1 - p + settings.eps))
                error = p - y + 0 * loss  # as automatic differentiation has it: a bad loss spoils the gradient
            gradient = np.array([np.mean(error * x), np.mean(error)])
            norm = np.sqrt(np.sum(gradient**2))
            print(f"step {step} loss {loss:.6g} lr {settings.lr:g} |g| {norm:.6g}")
            weight, bias = np.array([weight, bias]) - settings.lr * gradient
        if step % 10 == 9:
            print(f"saved ckpt-{step + 1}.npz")


if __name__ == "__main__":
    main()
