"""Time nanlog as a whole process, as ratios to named programs measured in the same minutes.

A large debug_info log is diagnosed beside ``mawk '/Layer/ {print $6,$8,$NF}'``, which does no more than look at the
same lines; start-up is held against the imports it cannot do without.  Rounds alternate, medians are printed; a ratio
means more than a second, and on a busy machine not even that.

    python bench/caffe_speed.py                 a log of 250 MB, five rounds
    python bench/caffe_speed.py --megabytes 50 --rounds 3
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from make_caffe_log import SAMPLE, write

DATA = Path(__file__).parent / "data"
PYTHON = sys.executable
NANLOG = str(Path(PYTHON).with_name("nanlog"))
SMALL_LOG = SAMPLE.parent.parent / "l2_norm_of_zero_sample_debug" / "train.log"


@dataclass(frozen=True)
class Took:
    """Wall time in seconds and peak memory in MB of one finished process."""

    seconds: float
    megabytes: float


def timed(command: list[str], environment: dict[str, str]) -> Took:
    """Run a command with its output thrown away; raises CalledProcessError unless it answers (1 means: unhealthy)."""
    # an installed package comes with its bytecode; an editable one makes it once, unless it is told not to
    environment = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        raise subprocess.CalledProcessError(child.returncode, command)
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Took(seconds, kilobytes / 1024)


def compare(rows: dict[str, list[str]], rounds: int, environment: dict[str, str]) -> None:
    """Run the commands in turn and print a row for each; the first is what the ratios refer to."""
    took: dict[str, list[Took]] = {name: [] for name in rows}
    for _ in range(rounds + 1):
        for name, command in rows.items():
            took[name].append(timed(command, environment))
    reference = next(iter(rows))
    print(f"{'':46} {'seconds':>8} {'ratio':>6} {'peak MB':>8}")
    for name, all_of_it in took.items():
        counted = all_of_it[1:]  # the first round warms the caches
        pairs = zip(counted, took[reference][1:], strict=True)
        ratio = statistics.median(one.seconds / other.seconds for one, other in pairs)
        seconds = statistics.median(one.seconds for one in counted)
        print(f"{name:46} {seconds:8.2f} {ratio:6.2f} {max(one.megabytes for one in counted):8.0f}")
    print()


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--megabytes", type=int, default=250)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    if shutil.which("mawk") is None:
        sys.exit("mawk is not installed: it is what the reading is measured against")
    log = DATA / f"caffe-{chosen.megabytes}MB.log"
    if not log.exists():
        DATA.mkdir(exist_ok=True)
        write(SAMPLE, log, chosen.megabytes * 1_000_000)
    with tempfile.TemporaryDirectory() as store:
        environment = {**os.environ, "NANLOG_STORE": store}
        large = {
            "mawk '/Layer/ {print $6,$8,$NF}'": ["mawk", "/Layer/ {print $6,$8,$NF}", str(log)],
            "nanlog diagnose --no-store": [NANLOG, "diagnose", "--no-store", str(log)],
            "nanlog diagnose": [NANLOG, "diagnose", str(log)],
        }
        print(f"{log.name}, {log.stat().st_size / 1e6:.0f} MB")
        compare(large, chosen.rounds, environment)
        click = {'python -c "import click"': [PYTHON, "-c", "import click"], "nanlog --help": [NANLOG, "--help"]}
        compare(click, 4 * chosen.rounds, environment)
        print(f"{SMALL_LOG.parent.name}, {SMALL_LOG.stat().st_size / 1e3:.0f} kB")
        small = {
            'python -c "import pandas"': [PYTHON, "-c", "import pandas"],
            "nanlog diagnose": [NANLOG, "diagnose", str(SMALL_LOG)],
        }
        compare(small, 2 * chosen.rounds, environment)


if __name__ == "__main__":
    main()
