"""Time nanlog on long JSON lines, as ratios to a loop over the lines that calls ``json.loads``.

Whole processes, measured in turn in the same minutes; the loop keeps nothing of what it reads.

    python bench/jsonlines_speed.py                 1.5 million rows, five rounds
    python bench/jsonlines_speed.py --rows 200000 --rounds 3
"""

from __future__ import annotations

import argparse
import os
import tempfile

from caffe_speed import DATA, NANLOG, PYTHON, compare
from make_jsonlines_log import write


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--rows", type=int, default=1_500_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    log = DATA / f"jsonlines-{chosen.rows}.jsonl"
    write(chosen.rows, log)
    with tempfile.TemporaryDirectory() as store:
        environment = {**os.environ, "NANLOG_STORE": store}
        loop = f"import json\nfor line in open({str(log)!r}, encoding='utf-8'): json.loads(line)"
        commands = {
            "for line in log: json.loads(line)": [PYTHON, "-c", loop],
            "nanlog diagnose --no-store": [NANLOG, "diagnose", "--no-store", str(log)],
            "nanlog diagnose": [NANLOG, "diagnose", str(log)],
        }
        print(f"{chosen.rows} rows, {log.stat().st_size / 1e6:.0f} MB")
        compare(commands, chosen.rounds, environment)


if __name__ == "__main__":
    main()
