"""Write an event file of many scalars with torch's SummaryWriter, as a long training does.

python bench/make_tensorboard_log.py 3000000 bench/data/tensorboard-3000000
"""

from __future__ import annotations

import argparse
import math
import shutil
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

TAGS = ("train/loss", "train/accuracy", "train/lr", "grad_norm", "param_norm", "timing/step_seconds")
STEPS_PER_VALIDATION = 100


def write(target: Path, records: int) -> None:
    """Write ``records`` scalars, a validation loss now and then among them; a folder that is there already is kept."""
    if target.exists():
        return
    partial = target.with_suffix(".part")
    shutil.rmtree(partial, ignore_errors=True)
    writer = SummaryWriter(str(partial), max_queue=1000)
    written = step = 0
    while written < records:
        loss = 0.2 + 2.0 * math.exp(-step / 1e5) + 0.05 * math.sin(0.7 * step)
        values = (loss, 1.0 - 0.4 * loss, 0.1 * math.exp(-step / 2e5), 3.0 * loss, 40.0 + 1e-5 * step, 0.031)
        for tag, value in zip(TAGS, values, strict=True):
            writer.add_scalar(tag, value, step)
        written += len(TAGS)
        if step % STEPS_PER_VALIDATION == STEPS_PER_VALIDATION - 1:
            writer.add_scalar("val/loss", 1.1 * loss, step)
            written += 1
        step += 1
    writer.close()
    partial.rename(target)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("records", type=int)
    options.add_argument("target", type=Path)
    given = options.parse_args()
    write(given.target, given.records)


if __name__ == "__main__":
    main()
