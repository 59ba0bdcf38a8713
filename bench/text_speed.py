"""Time nanlog on a long log of key=value lines, as ratios to mawk looking for one of the keys.

Whole processes, measured in turn in the same minutes; nanlog reads all keys, with and without writing its store.

    python bench/text_speed.py                 a log of 200 MB, five rounds
    python bench/text_speed.py --megabytes 50 --rounds 3
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile

from caffe_speed import DATA, NANLOG, compare
from make_text_log import write

LOSSES = "{for(i=1;i<=NF;i++) if($i ~ /^loss=/) print substr($i,6)}"


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--megabytes", type=int, default=200)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    if shutil.which("mawk") is None:
        sys.exit("mawk is not installed: it is what the reading is measured against")
    DATA.mkdir(exist_ok=True)
    log = str(write(chosen.megabytes, DATA / f"text-{chosen.megabytes}MB.log"))
    with tempfile.TemporaryDirectory() as store:
        commands = {
            "mawk, the values of one key": ["mawk", LOSSES, log],
            "nanlog diagnose --no-store": [NANLOG, "diagnose", "--no-store", log],
            "nanlog diagnose": [NANLOG, "diagnose", log],
        }
        compare(commands, chosen.rounds, {**os.environ, "NANLOG_STORE": store})


if __name__ == "__main__":
    main()
