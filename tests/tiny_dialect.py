"""A dialect small enough to write logs of by hand, for tests of what is the same for all dialects.

::

    loss 10 0.5          series, step (- where there is none), value
    loss 10 0.5 @12.5    the same with a time
    fact lr 0.1          a fact with a text
    start                any other word of MarkKind is a mark; what follows it is its text
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nanlog.model import Block, BlockBuilder, Mark, MarkKind, Run, SeriesInfo, Source
from nanlog.source import open_source
from nanlog.store import collect

POINT = re.compile(r"(\S+) (-|[0-9]{1,18}) (\S+)(?: @([0-9.]+))?", re.ASCII)
KINDS = {kind.value for kind in MarkKind}


@dataclass(frozen=True)
class TinyParser:
    """``rows`` is how many lines go into one block."""

    rows: int = 1000
    name: str = "tiny"
    title: str = "one point, fact or mark in each line"

    def score(self, file: str, head: bytes) -> float:
        return 1.0 if head.startswith(b"tiny\n") else 0.0

    def read(self, source: Source) -> Iterator[Block]:
        for file in source.files:
            block = BlockBuilder(file)
            for piece in source.pieces(file):
                lines = piece.data.decode("utf-8", "replace").removesuffix("\n").split("\n")
                for line, text in enumerate(lines, piece.first_line):
                    read_line(block, line, text)
                    if line % self.rows == 0:
                        yield block.build()
            yield block.build()


def read_line(block: BlockBuilder, line: int, text: str) -> None:
    word, _, rest = text.partition(" ")
    if word == "fact":
        key, _, value = rest.partition(" ")
        block.fact(key, value, line)
    elif word in KINDS:
        block.mark(Mark(MarkKind(word), block.file, line, text=rest))
    elif point := POINT.fullmatch(text):
        name, step, value, time = point.groups()
        try:
            values = float(value), float(time or "nan")
        except ValueError:
            block.unread(line, text, "not a number")
            return
        block.add(
            SeriesInfo(name, name),
            step=None if step == "-" else int(step),
            value=values[0],
            line=line,
            time=values[1],
        )
    elif text not in {"", "tiny"}:
        block.unread(line, text, "neither point, fact nor mark")


TINY = TinyParser()


def run_of(path: Path) -> Run:
    return collect(open_source(str(path)), TINY)


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
