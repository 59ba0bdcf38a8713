"""Blocks -> Run."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace

from nanlog.model import Fact, Mark, Parser, Piece, Reading, Run, Source, Unread

from .witnesses import Witness, agreed

#: As many unread lines are kept as a person may want to look at; all are counted.
KEPT_UNREAD = 1000
#: So long a piece of an unread line is kept.
KEPT_TEXT = 2000


def collect(
    source: Source,
    readings: Sequence[Reading] | Parser,
    left_out: tuple[str, ...] = (),
    progress: Callable[[int], object] | None = None,
) -> Run:
    """Read everything in ``source``: each file by the parser that ``readings`` give it to, or all by one parser.

    ``progress`` is called with the size of each piece of text, in bytes, once it has been read.  An attempt begins at a
    START mark; in a file without any it begins where the step of ``loss`` (else ``loss_smoothed``, else ``lr``, else
    the longest series) clearly falls.  What several streams tell (see :class:`~nanlog.model.Block`) is put together;
    a series that two of them tell is taken from the one with more points.  At most :data:`KEPT_UNREAD` unread lines
    are kept, besides what the source says of damage; :attr:`Run.unread_count` counts them all.
    """
    if not isinstance(readings, Sequence):
        readings = (Reading(readings, source.files),)
    watched = _Watched(source, progress or (lambda _bytes: None))
    witnesses: dict[tuple[str, str], Witness] = {}
    facts: list[Fact] = []
    marks: list[Mark] = []
    unread: list[Unread] = []
    unread_count = 0
    records: dict[str, int] = {}
    for reading in readings:
        counts = getattr(reading.parser, "unit", "line") == "record"
        for block in reading.parser.read(_Part(watched, reading.files)):
            key = (reading.parser.name, block.stream)
            if key not in witnesses:
                witnesses[key] = Witness(source.files)
            witnesses[key].add(block)
            if counts:
                records[block.file] = max(records.get(block.file, 0), int(block.line.max(initial=0)))
            facts += block.facts
            marks += block.marks
            unread += map(_shortened, block.unread[: KEPT_UNREAD - len(unread)])
            unread_count += len(block.unread)
    damage = source.damage()
    told = [witness.testimony() for witness in witnesses.values()] or [Witness(source.files).testimony()]
    together = agreed(told, source.files)
    return Run(
        source=source.name,
        parser="+".join(reading.parser.name for reading in readings),
        files=source.files,
        table=together.table,
        facts=tuple(facts),
        marks=(*marks, *together.doubled),
        unread=(*unread, *damage),
        unread_count=unread_count + len(damage),
        attempts=together.attempts,
        lines=watched.lines(but=records) + sum(records.values()),
        left_out=left_out,
        unit="record" if len(records) == len(source.files) - len(left_out) else "line",
    )


def _shortened(unread: Unread) -> Unread:
    return unread if len(unread.text) <= KEPT_TEXT else replace(unread, text=unread.text[:KEPT_TEXT] + "…")


class _Part:
    """Some of the files of a source."""

    def __init__(self, source: Source, files: tuple[str, ...]) -> None:
        self._source = source
        self._files = files

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def files(self) -> tuple[str, ...]:
        return self._files

    def head(self, file: str, size: int = 65536) -> bytes:
        return self._source.head(file, size)

    def pieces(self, file: str) -> Iterator[Piece]:
        return self._source.pieces(file)

    def damage(self) -> tuple[Unread, ...]:
        return self._source.damage()


class _Watched:
    """A source that counts what is read from it."""

    def __init__(self, source: Source, progress: Callable[[int], object]) -> None:
        self._source = source
        self._progress = progress
        self._lines: dict[str, int] = {}

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def files(self) -> tuple[str, ...]:
        return self._source.files

    def lines(self, but: Container[str]) -> int:
        """How many lines were read, the last one of a file whether or not it is ended; some files do not count."""
        return sum(count for file, count in self._lines.items() if file not in but)

    def head(self, file: str, size: int = 65536) -> bytes:
        return self._source.head(file, size)

    def pieces(self, file: str) -> Iterator[Piece]:
        piece = Piece(file, b"", 1)
        for piece in self._source.pieces(file):
            yield piece
            self._progress(len(piece.data))
        ended = piece.data.count(b"\n")
        self._lines[file] = piece.first_line - 1 + ended + (bool(piece.data) and not piece.data.endswith(b"\n"))

    def damage(self) -> tuple[Unread, ...]:
        return self._source.damage()
