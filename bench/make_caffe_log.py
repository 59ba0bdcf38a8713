"""Enlarge a real debug_info log to a given size.

The iterations of the log are repeated with iteration numbers and times that go on, and with values whose last digit
changes from line to line.  The same arguments give the same bytes.

    python bench/make_caffe_log.py 250 bench/data/caffe-250MB.log
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

SAMPLE = Path(__file__).parent.parent / "sample_logs/caffe/healthy_truncated_debug/train.log"
PREFIX = re.compile(r"([IWEF]\d{4}(?:\d{4})?) (\d\d):(\d\d):(\d\d)\.(\d{6})")
ITERATION = re.compile(r"Iteration (\d+)")
LAST_DIGIT = re.compile(r"(?<=\.\d)(\d*)(\d)(?=[,;) \n]|e[-+]|$)")
LR_LINE = re.compile(r"Iteration \d+, lr = ")
MICROSECONDS_OF_A_DAY = 24 * 3600 * 1_000_000
MICROSECONDS_BETWEEN_LINES = 7


@dataclass(frozen=True)
class Enlarged:
    """The lines before the first repeated iteration, the repeated ones, and how far the latter count."""

    head: tuple[str, ...]
    body: tuple[str, ...]
    iterations: int


def split(lines: list[str]) -> Enlarged:
    """Cut a log behind its first and its last learning rate line: what lies between is whole iterations."""
    ends = [i for i, line in enumerate(lines) if LR_LINE.search(line)]
    if len(ends) < 3:
        raise SystemExit("the log to enlarge needs at least three displayed iterations")
    first, last = (int(ITERATION.search(lines[i])[1]) for i in (ends[0], ends[-1]))  # type: ignore[index]
    return Enlarged(tuple(lines[: ends[0] + 1]), tuple(lines[ends[0] + 1 : ends[-1] + 1]), last - first)


def clock(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds % MICROSECONDS_OF_A_DAY, 1_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"


def enlarged(parts: Enlarged) -> Iterator[str]:
    """Yield lines for ever."""
    yield from parts.head
    tick = count(0, MICROSECONDS_BETWEEN_LINES)
    for lap in count():
        shift = lap * parts.iterations

        def later(found: re.Match[str], shift: int = shift) -> str:
            return f"Iteration {int(found[1]) + shift}"

        def nudged(found: re.Match[str], lap: int = lap) -> str:
            return f"{found[1]}{(int(found[2]) + lap) % 9 + 1}"

        for original in parts.body:
            line = PREFIX.sub(lambda found: f"{found[1]} {clock(next(tick))}", original, count=1)
            head, mark, rest = line.partition("] ")
            if "Iteration " in rest:
                yield head + mark + ITERATION.sub(later, rest)
            else:
                yield head + mark + LAST_DIGIT.sub(nudged, rest)


def write(sample: Path, target: Path, size: int) -> None:
    """Write at least ``size`` bytes, whole lines; a file that is there already is kept."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    partial = target.with_suffix(".part")
    with partial.open("w", encoding="utf-8", newline="\n") as out:
        for line in enlarged(split(sample.read_text(encoding="utf-8").splitlines(keepends=True))):
            written += out.write(line)
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
