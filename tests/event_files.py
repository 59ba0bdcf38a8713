"""Event files for tests: records framed and encoded here, byte by byte, and what TensorBoard itself reads in them."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelled_logs import ROOT
from nanlog.model import Block, Piece, Unread
from nanlog_parsers.tensorboard import PARSER

SAMPLES = sorted((ROOT / "sample_logs" / "tensorboard").glob("*/label.json"))
FILES = sorted((ROOT / "sample_logs" / "tensorboard").glob("**/events.out.tfevents.*"))

#: A point as it must come out: tag, step, bits of the time, bits of the value.
Bits = tuple[str, int, bytes, bytes]


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def sub(number: int, content: bytes) -> bytes:
    """A field that holds bytes, a text or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def whole(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def single(number: int, value: float) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<f", value)


def event(step: int | None, *fields: bytes, time: float = 1.7e9) -> bytes:
    return double(1, time) + (whole(2, step) if step else b"") + b"".join(fields)


def scalar(tag: str, value: float, step: int, *, time: float = 1.7e9) -> bytes:
    """The event that ``add_scalar`` writes."""
    return event(step, sub(5, sub(1, sub(1, tag.encode()) + single(2, value))), time=time)


def version(time: float = 1.7e9, writer: str = "") -> bytes:
    return event(None, sub(3, b"brain.Event:2"), sub(10, sub(1, writer.encode())) if writer else b"", time=time)


def masked(content: bytes) -> int:
    """The CRC as TensorBoard computes it."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    crc: int = masked_crc32c(content)
    return crc


def record(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", masked(length)) + payload + struct.pack("<I", masked(payload))


def file_of(*payloads: bytes) -> bytes:
    return b"".join(map(record, payloads))


@dataclass(frozen=True)
class Folder:
    """A source of files in memory, each in pieces of ``size`` bytes."""

    contents: dict[str, bytes]
    size: int = 1 << 21
    name: str = "runs"

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self.contents)

    def head(self, file: str, size: int = 65536) -> bytes:
        return self.contents[file][:size]

    def pieces(self, file: str) -> Iterator[Piece]:
        content = self.contents[file]
        for start in range(0, len(content), self.size):
            yield Piece(file, content[start : start + self.size], 1, start > 0)

    def damage(self) -> tuple[Unread, ...]:
        return ()


@dataclass(frozen=True)
class Point:
    series: str
    tag: str
    file: str
    line: int
    step: int
    time: float
    value: float

    @property
    def bits(self) -> Bits:
        return self.tag, self.step, struct.pack("<d", self.time), struct.pack("<f", self.value)


class Read:
    """What the parser made of some files."""

    def __init__(self, blocks: list[Block]) -> None:
        self.blocks = blocks
        self.points = [point for block in blocks for point in _points(block)]
        self.facts = {fact.key: fact.value for block in blocks for fact in block.facts}
        self.marks = [mark for block in blocks for mark in block.marks]
        self.unread = [unread for block in blocks for unread in block.unread]
        self.streams = {block.stream for block in blocks}

    def series(self, name: str) -> list[tuple[int, float]]:
        return [(point.step, point.value) for point in self.points if point.series == name]

    @property
    def names(self) -> set[str]:
        return {point.series for point in self.points}

    def said(self) -> object:
        """Everything, so that NaN equals NaN."""
        return [repr(point) for point in self.points], self.facts, self.marks, self.unread


def _points(block: Block) -> Iterator[Point]:
    assert block.time is not None or not len(block.code)
    time = np.empty(0) if block.time is None else block.time
    columns = (block.code, block.line, block.step, time, block.value)
    for code, line, step, at, value in zip(*(column.tolist() for column in columns), strict=True):
        info = block.series[code]
        yield Point(info.name, info.original, block.file, line, step, at, value)


def read(content: bytes, size: int = 1 << 21) -> Read:
    return read_folder({"events.out.tfevents.1": content}, size)


def read_folder(contents: dict[str, bytes], size: int = 1 << 21) -> Read:
    return Read(list(PARSER.read(Folder(contents, size))))


def on_disk(folder: Path) -> Read:
    """What the parser makes of all event files below a folder."""
    return read_folder({str(path): path.read_bytes() for path in sorted(folder.glob("**/*tfevents*"))})


def as_tensorboard_reads(file: Path) -> list[Bits]:
    """The scalars of a file by TensorBoard's own loader, up to the first damage, where it ends.

    The loader turns what old writers wrote into tensors, and leaves it to the plug-in's name what is a scalar.
    """
    from tensorboard.backend.event_processing import event_file_loader
    from tensorboard.compat.tensorflow_stub.errors import DataLossError
    from tensorboard.util import tensor_util

    found: list[Bits] = []
    scalars: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for said in event_file_loader.EventFileLoader(str(file)).Load():
                for value in said.summary.value:
                    if value.metadata.plugin_data.plugin_name == "scalars":
                        scalars.add(value.tag)
                    if value.tag in scalars:
                        number = tensor_util.make_ndarray(value.tensor).item()
                        time = struct.pack("<d", said.wall_time)
                        found.append((value.tag, said.step, time, struct.pack("<f", number)))
        except DataLossError:
            pass
    return found
