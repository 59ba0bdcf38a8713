"""Enlarge a real Keras log with progress bars to a given size.

The epochs of the log are repeated with numbers that go on, and with values whose last digit changes from state to
state; backspaces, colours and padding stay as Keras wrote them.  The same arguments give the same bytes.

    python bench/make_keras_log.py 200 bench/data/keras-200MB.log
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

SAMPLE = Path(__file__).parent.parent / "sample_logs/keras/healthy_batch_of_four/train.log"
HEADER = re.compile(rb"^Epoch (\d+)/(\d+)(?=\r?$)", re.MULTILINE)
LAST_DIGIT = re.compile(rb"(?<=\.\d\d\d)\d")


def laps(text: bytes) -> Iterator[bytes]:
    """Yield the epochs of a log for ever."""
    epochs = int(HEADER.findall(text)[-1][1])
    parts = LAST_DIGIT.split(text)
    digits = LAST_DIGIT.findall(text)
    for lap in count():

        def later(found: re.Match[bytes], shift: int = lap * epochs) -> bytes:
            return b"Epoch %d/%d" % (int(found[1]) + shift, 10**7)

        nudged = [b"%d" % ((int(digit) + lap + place) % 10) for place, digit in enumerate(digits)]
        joined = b"".join(piece for pair in zip(parts, [*nudged, b""], strict=True) for piece in pair)
        yield HEADER.sub(later, joined)


def write(sample: Path, target: Path, size: int) -> None:
    """Write at least ``size`` bytes, whole epochs; a file that is there already is kept."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    partial = target.with_suffix(".part")
    with partial.open("wb") as out:
        for lap in laps(sample.read_bytes()):
            written += out.write(lap)
            if written >= size:
                break
    partial.replace(target)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("megabytes", type=float)
    options.add_argument("target", type=Path)
    options.add_argument("--sample", type=Path, default=SAMPLE)
    given = options.parse_args()
    write(given.sample, given.target, int(given.megabytes * 1e6))


if __name__ == "__main__":
    main()
