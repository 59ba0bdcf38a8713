"""Time nanlog on a long metrics.csv, as ratios to ``pandas.read_csv`` of the same file.

Whole processes, measured in turn in the same minutes: pandas is imported and reads; nanlog starts, reads and judges,
with and without writing its store.

    python bench/lightning_speed.py                 3.7 million rows, five rounds
    python bench/lightning_speed.py --rows 400000 --rounds 3
"""

from __future__ import annotations

import argparse
import os
import tempfile

from caffe_speed import DATA, NANLOG, PYTHON, compare
from make_lightning_log import write


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--rows", type=int, default=3_700_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    DATA.mkdir(exist_ok=True)
    written = write(chosen.rows, DATA / f"lightning-{chosen.rows}")
    table = str(written)
    with tempfile.TemporaryDirectory() as store:
        environment = {**os.environ, "NANLOG_STORE": store}
        commands = {
            "pandas.read_csv": [PYTHON, "-c", f"import pandas; pandas.read_csv({table!r})"],
            "nanlog diagnose --no-store": [NANLOG, "diagnose", "--no-store", table],
            "nanlog diagnose": [NANLOG, "diagnose", table],
        }
        print(f"{chosen.rows} rows, {written.stat().st_size / 1e6:.0f} MB")
        compare(commands, chosen.rounds, environment)


if __name__ == "__main__":
    main()
