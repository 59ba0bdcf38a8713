"""Time nanlog as a whole process on a large Keras log, against tools that do no more than print the losses in it.

python bench/keras_speed.py                 a log of 200 MB with progress bars, five rounds
python bench/keras_speed.py --megabytes 50 --rounds 3
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile

from caffe_speed import DATA, NANLOG, compare
from make_keras_log import SAMPLE, write

LOSSES = """tr '\\r' '\\n' < "$0" | mawk '{for(i=1;i<=NF;i++) if($i=="loss:") print $(i+1)}'"""


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--megabytes", type=int, default=200)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    if shutil.which("mawk") is None:
        sys.exit("mawk is not installed: it is what the reading is measured against")
    log = DATA / f"keras-{chosen.megabytes}MB.log"
    write(SAMPLE, log, chosen.megabytes * 1_000_000)
    with tempfile.TemporaryDirectory() as store:
        environment = {**os.environ, "NANLOG_STORE": store}
        rows = {
            "tr '\\r' '\\n' | mawk, the word after loss:": ["sh", "-c", LOSSES, str(log)],
            "nanlog diagnose --no-store": [NANLOG, "diagnose", "--no-store", str(log)],
            "nanlog diagnose": [NANLOG, "diagnose", str(log)],
        }
        print(f"{log.name}, {log.stat().st_size / 1e6:.0f} MB")
        compare(rows, chosen.rounds, environment)


if __name__ == "__main__":
    main()
