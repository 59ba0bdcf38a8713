"""Reading texts and real logs with the parser of Caffe, and looking at what came out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from labelled_logs import ROOT
from nanlog.model import Block, Fact, Mark, Piece, SeriesInfo, Unread
from nanlog_parsers.caffe import PARSER

LOGS = sorted((ROOT / "sample_logs" / "caffe").glob("*/train.log"))
PREFIX = "I1123 02:31:20.788003 10453 "


@dataclass(frozen=True)
class TextSource:
    """A source of one file in memory, cut after every line end that lies ``size`` bytes behind the last cut."""

    text: bytes
    size: int = 1 << 30
    name: str = "train.log"
    files: tuple[str, ...] = ("train.log",)

    def head(self, file: str, size: int = 65536) -> bytes:
        return self.text[:size]

    def pieces(self, file: str) -> Iterator[Piece]:
        start, line = 0, 1
        while start < len(self.text):
            end = self.text.find(b"\n", start + self.size - 1) + 1 or len(self.text)
            yield Piece(file, self.text[start:end], line)
            line += self.text.count(b"\n", start, end)
            start = end

    def damage(self) -> tuple[Unread, ...]:
        return ()


@dataclass(frozen=True, order=True)
class Point:
    series: str
    step: int
    line: int
    shown: str = field(compare=True)

    @property
    def value(self) -> float:
        return float(self.shown)


@dataclass(frozen=True)
class Reading:
    """What a parser made of a log; a value is compared by how it prints, so that nan equals nan."""

    blocks: tuple[Block, ...]

    @property
    def points(self) -> list[Point]:
        return sorted(point for block in self.blocks for point in _points(block))

    @property
    def series(self) -> dict[str, SeriesInfo]:
        return {info.name: info for block in self.blocks for info in block.series}

    @property
    def facts(self) -> dict[str, Fact]:
        return {fact.key: fact for block in self.blocks for fact in block.facts}

    @property
    def marks(self) -> list[Mark]:
        return [mark for block in self.blocks for mark in block.marks]

    @property
    def unread(self) -> list[Unread]:
        return [unread for block in self.blocks for unread in block.unread]

    def of(self, series: str) -> list[tuple[int, float]]:
        """Steps and values of one series in the order given out."""
        return [
            (int(step), float(value))
            for block in self.blocks
            for code, step, value in zip(block.code, block.step, block.value, strict=True)
            if block.series[code].name == series
        ]

    def values(self) -> dict[str, object]:
        return {key: fact.value for key, fact in self.facts.items()}


def _points(block: Block) -> Iterator[Point]:
    for code, step, value, line in zip(block.code, block.step, block.value, block.line, strict=True):
        yield Point(block.series[code].name, int(step), int(line), repr(float(value)))


def read(text: str | bytes, size: int = 1 << 30) -> Reading:
    data = text if isinstance(text, bytes) else text.encode()
    return Reading(tuple(PARSER.read(TextSource(data, size))))


def read_log(path: Path) -> Reading:
    return read(path.read_bytes())


def glog(*messages: str, place: str = "solver.cpp:239") -> str:
    """The messages as glog prints them; those that begin with ``^`` as they stand."""
    return "".join(m[1:] + "\n" if m.startswith("^") else f"{PREFIX}{place}] {m}\n" for m in messages)
