"""Event files -> blocks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nanlog.model import NO_STEP, Block, Fact, FactValue, Mark, MarkKind, SeriesInfo, Unread

from ._columns import Points, ScalarColumns
from ._events import Event, Session, Value, read_event
from ._frames import HEADER, Stretch, payload, stretches
from ._histograms import HistogramTags, share
from ._settings import framework, hparams, settings_in_text
from ._tensors import Spot
from ._training import Directory
from ._wire import MalformedError

__all__ = ["DirectoryReader"]

#: A directory with more different tags than this is no training; the values of those beyond are not read.
MAX_TAGS = 100_000


@dataclass(slots=True)
class Writer:
    """A process that writes into a directory, and those that go on where it ended; times of its last file."""

    number: int = 0
    begins: float = math.nan
    ends: float = math.nan


class DirectoryReader:
    """Reads the files of one directory one after the other; what a tag is may be said in the first of them alone."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.histograms = HistogramTags()
        self.plugins: dict[str, str] = {}
        self.texts: set[str] = set()
        self.owners: dict[str, int] = {}
        self._writers: list[Writer] = []

    def read(self, file: str, chunks: Iterable[bytes]) -> Iterator[Block]:
        reader = _FileReader(file, self)
        for stretch in stretches(chunks):
            yield reader.block(stretch)

    def closing(self) -> Iterator[Block]:
        """What can be said once all files are read."""
        for file, marks in self.histograms.stopped().items():
            yield Block(file, marks=marks, stream=self.directory.stream)

    def writer(self, begins: float) -> Writer:
        """Who wrote a file that begins at a time: a process that follows another, or one beside the others.

        A restart begins when the process before has ended, give or take the difference of two clocks; the processes of
        a parallel training begin together.
        """
        for writer in self._writers:
            if not writer.begins <= begins < (writer.begins + writer.ends) / 2:
                writer.begins = writer.ends = begins
                return writer
        self._writers.append(Writer(len(self._writers), begins, begins))
        return self._writers[-1]


def _first_time(stretch: Stretch) -> float:
    for start, length in zip(stretch.starts[:1].tolist(), stretch.lengths[:1].tolist(), strict=True):
        try:
            return read_event(payload(stretch.data, start, length) or b"").time
        except MalformedError:
            break
    return math.nan


class _Said:
    """What single records say, until it becomes part of a block."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.points: list[tuple[int, int, int, float, float]] = []  #: record, code, step, value, time
        self.facts: list[Fact] = []
        self.marks: list[Mark] = []
        self.unread: list[Unread] = []

    def fact(self, key: str, value: FactValue, line: int) -> None:
        self.facts.append(Fact(key, value, self._file, line))

    def mark(self, kind: MarkKind, line: int, step: int | None = None, text: str = "") -> None:
        self.marks.append(Mark(kind, self._file, line, step, text))

    def damaged(self, line: int, text: str, why: str) -> None:
        self.unread.append(Unread(self._file, line, text, why))

    def among(self, others: Points, records: int) -> Points:
        """The points together with those of other records, in the order of all."""
        if not self.points:
            return others
        record, code, step, value, time = zip(*self.points, strict=True)
        own = Points(
            np.array(record, np.int64),
            np.array(code, np.int64),
            np.array(step, np.int64),
            np.array(value, np.float64),
            np.array(time, np.float64),
        )
        return Points.joined([others, own], records)


class _FileReader:
    """Turns the records of one file into blocks; the line of a point is the number of its record, from 1."""

    def __init__(self, file: str, group: DirectoryReader) -> None:
        self._file = file
        self._group = group
        self._writer = Writer()
        self._columns = ScalarColumns(self._codes)
        self._infos: dict[SeriesInfo, int] = {}
        self._code_of: dict[tuple[str, bool], int] = {}
        self._next = 1  #: the number of the next record

    @property
    def _stream(self) -> str:
        return self._group.directory.stream + (f"#{self._writer.number}" if self._writer.number else "")

    def block(self, stretch: Stretch) -> Block:
        if self._next == 1 and len(stretch.starts):
            self._writer = self._group.writer(_first_time(stretch))
        points, rest = self._columns.read(stretch.data, stretch.starts, stretch.lengths)
        said = _Said(self._file)
        for record in rest.tolist():
            self._read(said, record, stretch)
        if len(points.record):
            self._group.histograms.saw_scalars(int(points.step[-1]))
        points = said.among(points, len(stretch.starts))
        first, self._next = self._next, self._next + len(stretch.starts)
        if len(points.record):
            self._writer.ends = float(points.time[-1])
        if stretch.damage is not None:
            said.damaged(self._next, f"byte {stretch.damage.begin}", stretch.damage.why)
            self._next += 1
        if stretch.cut is not None:
            said.mark(MarkKind.NOTE, self._next, text=f"the file ends inside the record at byte {stretch.cut}")
        return Block(
            self._file,
            tuple(self._infos),
            points.code,
            points.step,
            points.value,
            points.record + first,
            points.time,
            tuple(said.facts),
            tuple(said.marks),
            tuple(said.unread),
            self._stream,
        )

    def _read(self, said: _Said, record: int, stretch: Stretch) -> None:
        """Read one record by itself."""
        line, start = self._next + record, int(stretch.starts[record])
        where = f"byte {stretch.offset + start - HEADER}"
        message = payload(stretch.data, start, int(stretch.lengths[record]))
        if message is None:
            said.damaged(line, where, "the checksum of the record is wrong")
            return
        try:
            event = read_event(message)
        except MalformedError as error:
            said.damaged(line, where, f"the record is no event: {error}")
            return
        if event.writer:
            for key, setting in framework(event.writer, self._group.directory.head.tags):
                said.fact(key, setting, line)
        if event.session is not None:
            _say_session(said, line, event.step, event.session)
        for value in event.values:
            self._say_value(said, line, record, event, value)

    def _say_value(self, said: _Said, line: int, record: int, event: Event, value: Value) -> None:
        plugin = self._plugin(value)
        code, number = self._scalar(value, plugin)
        if number is None and plugin in ("", "histograms") and (number := share(value)) is not None:
            code = self._code(value.tag, is_histogram=True)
            self._group.histograms.saw(value.tag, event.step, self._file, line)
        if number is not None:
            if code >= 0:
                said.points.append((record, code, event.step, number, event.time))
        elif plugin == "hparams" and value.tag == "_hparams_/session_start_info":
            for key, setting in hparams(value.content):
                said.fact(f"hparams.{key}", setting, line)
        elif value.tensor is not None and value.tensor.strings and plugin in ("", "text"):
            self._say_text(said, line, value.tag, value.tensor.strings)

    def _say_text(self, said: _Said, line: int, tag: str, strings: list[bytes]) -> None:
        if tag in self._group.texts or len(self._group.texts) >= MAX_TAGS:
            return  # a text that is written again and again is no setting
        self._group.texts.add(tag)
        for key, setting in settings_in_text(tag, strings[0].decode("utf-8", "replace")):
            said.fact(key, setting, line)

    def _plugin(self, value: Value) -> str:
        """What the tag of a value belongs to; said with its first value, by some writers with all."""
        if value.plugin and len(self._group.plugins) < MAX_TAGS:
            self._group.plugins[value.tag] = value.plugin
        return value.plugin or self._group.plugins.get(value.tag, "")

    def _scalar(self, value: Value, plugin: str) -> tuple[int, float | None]:
        """The series of a value and its number; None where it is no scalar."""
        number = value.number
        if number is None and value.tensor is not None and plugin in ("", "scalars"):
            number = value.tensor.scalar()
        return (-1, None) if number is None else (self._code(value.tag), number)

    def _codes(self, event: Event) -> list[tuple[int, Spot]] | None:
        found: list[tuple[int, Spot]] = []
        for value in event.values:
            plugin = self._plugin(value)
            if value.tensor is not None and plugin != "scalars":
                return None  # what it is may be said in a record that was not read yet
            code, number = self._scalar(value, plugin)
            spot = value.spot if value.number is not None else value.tensor.spot if value.tensor is not None else None
            if number is None or spot is None or code < 0:
                return None
            found.append((code, spot))
        return found

    def _code(self, tag: str, is_histogram: bool = False) -> int:
        """The code of the series that a tag stands for; -1 where there are too many."""
        code = self._code_of.get((tag, is_histogram))
        if code is None:
            if len(self._code_of) >= MAX_TAGS:
                return -1
            info = self._group.directory.info(tag, is_histogram)
            if self._group.owners.setdefault(tag, self._writer.number) != self._writer.number:
                info = replace(info, name=f"rank{self._writer.number}/{info.name}")
            code = self._code_of[tag, is_histogram] = self._infos.setdefault(info, len(self._infos))
        return code


def _say_session(said: _Said, line: int, step: int, session: Session) -> None:
    """``purge_step`` and TensorFlow 1 write a session: what lies at ``step`` and later in earlier files is void."""
    at = None if step == NO_STEP else step
    if session.status == Session.STARTED:
        said.mark(MarkKind.START, line, at, f"session started at step {step}")
    elif session.status == Session.CHECKPOINT:
        said.mark(MarkKind.CHECKPOINT, line, at, session.checkpoint)
    elif session.status == Session.STOPPED:
        said.mark(MarkKind.NOTE, line, at, "session stopped")
