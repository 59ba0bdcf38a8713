"""Blocks -> Run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from nanlog.model import Fact, Mark, Parser, Piece, Run, Source, Unread

from .attempts import Places, Points, attempt_of, borders, described
from .columns import Columns

#: As many unread lines are kept as a person may want to look at; all are counted.
KEPT_UNREAD = 1000
#: So long a piece of an unread line is kept.
KEPT_TEXT = 2000

_MAIN = ("loss", "loss_smoothed", "lr")


def collect(source: Source, parser: Parser, progress: Callable[[int], object] | None = None) -> Run:
    """Read everything ``parser`` finds in ``source``.

    ``progress`` is called with the size of each piece of text, in bytes, once it has been read.  An attempt begins at a
    START mark; in a file without any it begins where the step of ``loss`` (else ``loss_smoothed``, else ``lr``, else
    the longest series) clearly falls.  At most :data:`KEPT_UNREAD` unread lines are kept, besides what the source says
    of damage; :attr:`Run.unread_count` counts them all.
    """
    watched = _Watched(source, progress or (lambda _bytes: None))
    columns = Columns(source.files)
    facts: list[Fact] = []
    marks: list[Mark] = []
    unread: list[Unread] = []
    unread_count = 0
    for block in parser.read(watched):
        columns.add(block)
        facts += block.facts
        marks += block.marks
        unread += map(_shortened, block.unread[: KEPT_UNREAD - len(unread)])
        unread_count += len(block.unread)
    damage = source.damage()

    grouped = columns.grouped()
    places = Places(source.files)
    points = Points(places.of_points(grouped.file, grouped.line), grouped.step)
    longest = max(grouped.spans, key=lambda name: grouped.spans[name].stop - grouped.spans[name].start, default="")
    main = grouped.spans.get(next((name for name in _MAIN if name in grouped.spans), longest), slice(0, 0))
    divided = borders(points, Points(points.place[main], points.step[main]), marks, places)
    return Run(
        source=source.name,
        parser=parser.name,
        files=source.files,
        table=grouped.table(attempt_of(divided, points.place)),
        facts=tuple(facts),
        marks=tuple(marks),
        unread=(*unread, *damage),
        unread_count=unread_count + len(damage),
        attempts=described(divided, points, facts, marks, places),
        lines=watched.lines,
    )


def _shortened(unread: Unread) -> Unread:
    return unread if len(unread.text) <= KEPT_TEXT else replace(unread, text=unread.text[:KEPT_TEXT] + "…")


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

    @property
    def lines(self) -> int:
        """How many lines were read, the last one of a file whether or not it is ended."""
        return sum(self._lines.values())

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
