"""Write a metrics.csv of any length with Lightning's own CSVLogger, as a training fills it.

Each logged step gives a row of LearningRateMonitor and a row of the training, each epoch a row of its validation and
one of its mean.  The values are float32, as tensors give them; the same arguments give the same bytes.

    python bench/make_lightning_log.py 3700000 bench/data/lightning-3700000
"""

from __future__ import annotations

import argparse
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

EPOCH = 1000
LOG_EVERY = 10
#: CSVLogger keeps so many rows before it writes them.
FLUSHED = 100_000


def rows(count: int) -> Iterator[tuple[dict[str, float], int]]:
    """Yield the metrics and the step of ``count`` rows; the last tenth of them is NaN."""
    noise = np.random.default_rng(20190531)
    written = step = 0
    while written < count:
        step += LOG_EVERY
        epoch, spoilt = step // EPOCH, written > 0.9 * count
        loss = math.nan if spoilt else float(np.float32(2.3 * math.exp(-step / 1e6) + 0.1 * noise.random()))
        accuracy = float(np.float32(1 - loss / 3)) if not spoilt else 0.1
        yield {"lr-AdamW": 1e-3 * (1 + math.cos(step / 1e7)) / 2}, step - 1
        yield {"train_loss_step": loss, "train_acc": accuracy, "epoch": epoch}, step - 1
        written += 2
        if step % EPOCH == 0:
            yield {"val_loss": loss * 1.1, "val_acc": accuracy * 0.9, "epoch": epoch}, step - 1
            yield {"train_loss_epoch": loss * 1.01, "epoch": epoch}, step - 1
            written += 2


def write(count: int, folder: Path) -> Path:
    """Write ``metrics.csv`` and ``hparams.yaml`` into ``folder``; files that are there already are kept."""
    table = folder / "metrics.csv"
    if table.exists():
        return table
    from lightning.pytorch.loggers.csv_logs import ExperimentWriter

    partial = folder.with_suffix(".part")
    shutil.rmtree(partial, ignore_errors=True)
    writer = ExperimentWriter(str(partial))
    writer.log_hparams({"lr": 1e-3, "batch_size": 64})
    for number, (metrics, step) in enumerate(rows(count)):
        writer.log_metrics(metrics, step)
        if number % FLUSHED == FLUSHED - 1:
            writer.save()
    writer.save()
    partial.rename(folder)
    return table


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("rows", type=int)
    options.add_argument("folder", type=Path)
    chosen = options.parse_args()
    table = write(chosen.rows, chosen.folder)
    print(f"{table}: {table.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
