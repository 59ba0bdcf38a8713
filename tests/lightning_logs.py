"""Bars as Lightning draws them with TQDM and Rich, and reading text, tables and settings with its parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labelled_logs import ROOT
from nanlog.model import Block, Fact, FactValue, Mark, MarkKind, Piece, SeriesInfo, Unread
from nanlog.source import open_source
from nanlog_parsers.lightning import PARSER

SAMPLES = ROOT / "sample_logs" / "lightning"
LOGS = sorted(SAMPLES.glob("*/train.log"))
HEADER = "GPU available: True (cuda), used: True\nTPU available: False, using: 0 TPU cores\n"


def tqdm(epoch: int, batch: int, total: int, metrics: str = "", *, what: str = "Epoch {}") -> str:
    """One state as TQDM draws it, with ``metrics`` behind the rate."""
    done = 10 * batch // total
    behind = f", {metrics}" if metrics else ""
    share = 100 * batch // total
    bar = "█" * done + " " * (10 - done)
    return f"{what.format(epoch)}: {share:3}%|{bar}| {batch}/{total} [00:00<00:00, 534.10it/s{behind}]"


def refreshed(epoch: int, total: int, every: int, metrics: list[str]) -> Iterator[str]:
    """An epoch: each refresh draws the bar with the metrics of the one before, then with its own."""
    before = ""
    for batch, shown in zip(range(every, total + 1, every), metrics, strict=True):
        yield tqdm(epoch, batch, total, before)
        yield tqdm(epoch, batch, total, shown)
        before = shown


def validation(batches: int) -> str:
    """The bar of a validation below that of the training, and its removal."""
    states = [
        "Validation: |          | 0/? [00:00<?, ?it/s]",
        tqdm(0, 0, batches, what="Validation DataLoader 0"),
        tqdm(0, batches, batches, what="Validation DataLoader 0"),
    ]
    return "".join(f"\n\r{state}\x1b[A" for state in states) + "\n\r" + " " * 60 + "\x1b[A"


def rich(epoch: int, last: int, batch: int, total: int, *metrics: str) -> str:
    """One state as Rich writes it into a file of 80 columns: the metrics go on in the lines below."""
    first, *others = metrics
    head = f"Epoch {epoch}/{last}  {'━' * 16} {batch}/{total} 0:00:00 • 0:00:00 228.84it/s "
    return "\n".join([f"{head}{first:<17}", *(f"{' ' * 63}{metric:<17}" for metric in others)]) + "\n"


@dataclass(frozen=True)
class Text:
    """A source of one or more files that are only in memory, given out in pieces of at most ``size`` bytes."""

    contents: dict[str, bytes]
    size: int = 1 << 20
    name: str = "run"

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self.contents)

    def head(self, file: str, size: int = 65536) -> bytes:
        return self.contents[file][:size]

    def pieces(self, file: str) -> Iterator[Piece]:
        from nanlog.source.text import pieces_of

        yield from pieces_of(file, [self.contents[file]], size=self.size, longest_line=max(4 * self.size, 64))

    def damage(self) -> tuple[Unread, ...]:
        return ()


@dataclass(frozen=True)
class Read:
    """What became of a run."""

    blocks: tuple[Block, ...]

    @property
    def table(self) -> dict[str, list[tuple[int, float, int]]]:
        """Step, value and line of the points of each series, by the name the log gives it."""
        found: dict[str, list[tuple[int, float, int]]] = {}
        for block in self.blocks:
            for code, step, value, at in zip(block.code, block.step, block.value, block.line, strict=True):
                found.setdefault(block.series[code].original, []).append((int(step), float(value), int(at)))
        return found

    @property
    def infos(self) -> dict[str, SeriesInfo]:
        return {info.original: info for block in self.blocks for info in block.series}

    def points(self, name: str) -> list[tuple[int, float]]:
        return [(step, value) for step, value, _ in self.table.get(name, [])]

    def steps(self, name: str) -> list[int]:
        return [step for step, _, _ in self.table.get(name, [])]

    @property
    def facts(self) -> dict[str, FactValue]:
        return {fact.key: fact.value for fact in self.all_facts}

    @property
    def all_facts(self) -> list[Fact]:
        return [fact for block in self.blocks for fact in block.facts]

    @property
    def marks(self) -> list[Mark]:
        return [mark for block in self.blocks for mark in block.marks]

    def marked(self, kind: MarkKind) -> list[tuple[int | None, int, str]]:
        """Step, line and text of the marks of one kind."""
        return [(mark.step, mark.line, mark.text) for mark in self.marks if mark.kind is kind]

    @property
    def unread(self) -> list[Unread]:
        return [unread for block in self.blocks for unread in block.unread]


def read(text: str | bytes, name: str = "train.log", size: int = 1 << 20) -> Read:
    """Read the content of one file."""
    content = text.encode() if isinstance(text, str) else text
    return read_files({name: content}, size)


def read_files(contents: dict[str, bytes], size: int = 1 << 20) -> Read:
    return Read(tuple(PARSER.read(Text(contents, size))))


def read_path(path: Path) -> Read:
    return Read(tuple(PARSER.read(open_source(str(path)))))
