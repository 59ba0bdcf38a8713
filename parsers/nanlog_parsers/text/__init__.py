"""Text that a training prints line by line, whoever wrote the program: the shape of the lines is learned."""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.model import Block, Parser, Source
from nanlog_parsers._ranks import rank_of_file

from ._reader import Reader
from ._recognise import sureness

__all__ = ["PARSER", "Text"]


class Text:
    """Lines with named numbers, progress bars with a postfix, tables in text.

    What counts the steps and what the loss is, is learned from the lines themselves.
    """

    name = "text"
    title = "text of any program: key=value, key: value, progress bars (tqdm), tables"
    gives = ("every number with a name", "losses, rates and gradient norms by their names", "exceptions")

    def score(self, file: str, head: bytes) -> float:
        """At most 0.5: a parser that knows the program knows more."""
        return sureness(file, head)

    def read(self, source: Source) -> Iterator[Block]:
        ranks = {file: rank_of_file(file) for file in source.files}
        lowest = min((rank for rank in ranks.values() if rank is not None), default=None)
        readers: dict[int | None, Reader] = {}
        for file, rank in ranks.items():
            reader = readers.setdefault(rank, Reader("" if rank in {None, lowest} else str(rank)))
            yield from reader.read(file, source.pieces(file))


PARSER: Parser = Text()
