"""Time nanlog on an event file of many scalars, as ratios to what reads such files fastest.

The whole of ``nanlog diagnose``, checksums verified, is held against the load cycle of TensorBoard's own Rust server
(tensorboard-data-server, all points kept, no checksums, as it logs it) and against tbparse, each measured in turn in
the same minutes.

    python bench/tensorboard_speed.py                   three million records, five rounds
    python bench/tensorboard_speed.py --records 300000 --rounds 3
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from caffe_speed import DATA, NANLOG, PYTHON, timed
from make_tensorboard_log import write

LOADED = re.compile(r"Finished load cycle \(([0-9.]+)(ms|s|µs)\)")
UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}
TBPARSE = "from tbparse import SummaryReader; import sys; len(SummaryReader(sys.argv[1]).scalars)"


def load_cycle(logdir: Path) -> float:
    """Seconds that the Rust server says it took to load a directory."""
    from tensorboard_data_server import server_binary

    command = [server_binary(), "--logdir", str(logdir), "--reload", "once", "--samples-per-plugin", "scalars=all"]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [*command, "--port", "0", "--port-file", f"{folder}/port", "--die-after-stdin", "-vv"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        with server:
            assert server.stderr is not None and server.stdin is not None
            found = next(found for line in server.stderr if (found := LOADED.search(line)) is not None)
            server.stdin.close()
    return float(found[1]) * UNITS[found[2]]


def whole(command: list[str], environment: dict[str, str]) -> Callable[[], float]:
    return lambda: timed(command, environment).seconds


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--records", type=int, default=3_000_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--without-tbparse", action="store_true", help="it takes a minute a round")
    chosen = options.parse_args()
    logdir = DATA / f"tensorboard-{chosen.records}"
    DATA.mkdir(exist_ok=True)
    write(logdir, chosen.records)
    with tempfile.TemporaryDirectory() as store:
        environment = {**os.environ, "NANLOG_STORE": store}
        rows: dict[str, Callable[[], float]] = {
            "load cycle of tensorboard-data-server": lambda: load_cycle(logdir),
            "nanlog diagnose --no-store": whole([NANLOG, "diagnose", "--no-store", str(logdir)], environment),
            "nanlog diagnose": whole([NANLOG, "diagnose", str(logdir)], environment),
        }
        took: dict[str, list[float]] = {name: [] for name in rows}
        for _ in range(chosen.rounds + 1):
            for name, measure in rows.items():
                took[name].append(measure())
        if not chosen.without_tbparse:
            took["tbparse"] = [whole([PYTHON, "-W", "ignore", "-c", TBPARSE, str(logdir)], environment)()] * 2
    size = sum(file.stat().st_size for file in logdir.iterdir())
    print(f"{logdir.name}, {chosen.records} records, {size / 1e6:.0f} MB")
    print(f"{'':46} {'seconds':>8} {'ratio':>6}")
    reference = statistics.median(took["load cycle of tensorboard-data-server"][1:])
    for name, seconds in took.items():
        median = statistics.median(seconds[1:])  # the first round warms the caches
        print(f"{name:46} {median:8.2f} {median / reference:6.2f}")


if __name__ == "__main__":
    sys.exit(main())
