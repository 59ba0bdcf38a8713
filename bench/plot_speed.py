"""Time ``nanlog plot --grad-norms`` on a large run of the store, beside pandas and matplotlib drawing the same points.

The log of :mod:`caffe_speed` is diagnosed once; what is timed are whole processes that draw from the store.  The
reference reads the same Parquet file, turns it into a table of layers and steps and calls ``imshow``: rows in no order,
no NaN in sight, no onset.

    python bench/plot_speed.py                 a log of 250 MB, five rounds
    python bench/plot_speed.py --megabytes 50 --rounds 3
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from caffe_speed import DATA, NANLOG, PYTHON, compare
from make_caffe_log import SAMPLE, write

REFERENCE = """
import sys
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
points = pd.read_parquet(sys.argv[1], columns=["series", "step", "value"])
points = points[points.series.str.match("diff/|param_diff/")]
points["column"] = (points.step * 300) // (points.step.max() + 1)
grid = points.pivot_table(index="series", columns="column", values="value", aggfunc="max", observed=True)
figure, axes = plt.subplots(figsize=(9, 6))
axes.imshow(np.log10(grid.to_numpy()), aspect="auto")
axes.set_yticks(range(len(grid)), list(grid.index))
figure.savefig(sys.argv[2], dpi=130)
"""


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--megabytes", type=int, default=250)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    log = DATA / f"caffe-{chosen.megabytes}MB.log"
    if not log.exists():
        DATA.mkdir(exist_ok=True)
        write(SAMPLE, log, chosen.megabytes * 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NANLOG_STORE": folder}
        done = subprocess.run([NANLOG, "diagnose", str(log)], env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode not in (0, 1):
            sys.exit(f"{log} could not be diagnosed")
        (points,) = Path(folder).glob("runs/*/points/part-0.parquet")
        out = str(Path(folder) / "picture.png")
        plot = [NANLOG, "plot", "--grad-norms", "--force"]
        rows = {
            "pandas.read_parquet, pivot_table, imshow": [PYTHON, "-c", REFERENCE, str(points), out],
            "nanlog plot --grad-norms": [*plot, "--out", out],
            "nanlog plot --grad-norms --out ....svg": [*plot, "--out", f"{out}.svg"],
            "nanlog plot --grad-norms --terminal": [*plot[:3], "--terminal"],
        }
        print(f"{log.name}, {log.stat().st_size / 1e6:.0f} MB")
        compare(rows, chosen.rounds, environment)


if __name__ == "__main__":
    main()
