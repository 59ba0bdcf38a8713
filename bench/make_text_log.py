"""Write a log of any size with Python's own logging, as a training loop fills it.

python bench/make_text_log.py 200 bench/data/text-200MB.log
"""

from __future__ import annotations

import argparse
import logging
import math
import random
from pathlib import Path

EPOCH = 5000


def write(megabytes: int, path: Path) -> Path:
    """Log steps until the file has so many MB; the last hundredth of them is NaN."""
    if path.exists():
        return path
    chance = random.Random(20190531)  # noqa: S311  not for secrets
    part = path.with_suffix(".part")
    log = logging.Logger("trainer")
    file = logging.FileHandler(part, "w", encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))
    log.addHandler(file)
    wanted, step = megabytes * 1_000_000, 0
    while (done := file.stream.tell()) < wanted:
        for _ in range(10_000):
            loss = math.nan if done > 0.99 * wanted else 2 * math.exp(-step / 1e6) + 0.1 * chance.random()
            rate, norm = 0.1 * 0.9999 ** (step % 10_000), chance.gammavariate(2, 2)
            log.info("epoch=%d step=%d loss=%.4f lr=%.3e grad_norm=%.3f", step // EPOCH, step, loss, rate, norm)
            step += 1
    file.close()
    part.rename(path)
    return path


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("megabytes", type=int)
    options.add_argument("path", type=Path)
    chosen = options.parse_args()
    write(chosen.megabytes, chosen.path)


if __name__ == "__main__":
    main()
