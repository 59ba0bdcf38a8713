"""Write JSON lines of any length with ``json.dumps``, as a training that logs every step does.

Each step gives an object with the loss, the rate, the gradient norm and the accuracy as float32 tensors give them, each
hundredth step one with the validation loss.  The last tenth is NaN.  The same arguments give the same bytes.

    python bench/make_jsonlines_log.py 1500000 bench/data/jsonlines-1500000.jsonl
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

EVALUATE_EVERY = 100
STEPS_PER_EPOCH = 1000


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Yield ``count`` records."""
    noise = np.random.default_rng(20171201)
    written = step = 0
    while written < count:
        spoilt = written > 0.9 * count
        loss, norm, accuracy = (
            (noise.random(3) + np.array([math.exp(-step / 1e6), 1.0, 0.0])).astype(np.float32).tolist()
        )
        if spoilt:
            loss, norm, accuracy = math.nan, math.nan, 0.1
        yield {
            "step": step,
            "epoch": step / STEPS_PER_EPOCH,
            "train_loss": loss,
            "lr": 1e-3 * (1 + math.cos(step / 1e6)) / 2,
            "grad_norm": norm,
            "acc": accuracy,
        }
        written += 1
        if step % EVALUATE_EVERY == EVALUATE_EVERY - 1 and written < count:
            yield {"step": step, "val_loss": loss * 1.1}
            written += 1
        step += 1


def write(count: int, target: Path) -> None:
    """Write ``count`` lines; a file that is there already is kept."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".part")
    with partial.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows(count):
            out.write(json.dumps(row) + "\n")
    partial.replace(target)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("rows", type=int)
    options.add_argument("target", type=Path)
    chosen = options.parse_args()
    write(chosen.rows, chosen.target)
    print(f"{chosen.target}: {chosen.target.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
