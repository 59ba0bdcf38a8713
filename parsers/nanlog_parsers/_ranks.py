r"""Which process of a distributed training printed a line.

Launchers put the rank before each line, loggers into it, or each process has a file of its own:

======================================  ============================================================
``[default7]:...``, ``[rank3]:...``      torchrun (role and rank), and PyTorch's own tracebacks
``[Rank 0] ...``, ``Rank 3: ...``        loggers and scripts
``[1,3]<stdout>:...``                    ``mpirun --tag-output`` (job, rank)
``3: ...``                               ``srun --label``; believed only where nearly all lines have it
``attempt_0/3/stdout.log``               the folders of ``torchrun --log-dir``
``rank_3.log``, ``rank3/train.log``      one file for each rank
======================================  ============================================================

The lowest rank that prints values has the plain names (``loss``), those beyond it the prefix of
:mod:`nanlog.model` (``rank3/loss``).  Every rank trains in the same steps, so whichever becomes
non-finite in the smallest step went first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from nanlog.model import SeriesInfo, Source

__all__ = ["Ranks", "rank_and_text", "rank_of_file"]

_PREFIX = re.compile(
    r"\[[A-Za-z_]{1,40}(?P<role>[0-9]{1,6})\]: ?"
    r"|\[[0-9]{1,9},(?P<mpi>[0-9]{1,6})\]<std[a-z]{3,4}>: ?"
    r"|\[[Rr](?:ank|ANK)[ :=]{1,3}(?P<bracket>[0-9]{1,6})\]:? ?"
    r"|[Rr](?:ank|ANK)[ =]?(?P<word>[0-9]{1,6})[:|] ?"
)
_LABEL = re.compile(r" {0,5}(?P<label>[0-9]{1,6}): ?")
#: Of the lines that are not empty so many must begin with a number and a colon to be those of ``srun --label``.
_LABELLED = 0.9
_FEWEST_LABELLED = 2

_TORCHRUN_FILE = re.compile(r"(?:^|[/\\])(?P<rank>[0-9]{1,6})[/\\]std(?P<which>out|err)(?:\.log)?$")
_RANK_IN_NAME = re.compile(r"(?:^|[^A-Za-z])(?:global|local)?_?rank[-_.=]?(?P<rank>[0-9]{1,6})(?![0-9])", re.IGNORECASE)


def rank_and_text(text: str, *, labelled: bool = False) -> tuple[int | None, str]:
    """Take the prefix of a launcher or logger off a line.

    >>> rank_and_text("[default7]: iteration 3")
    (7, 'iteration 3')
    >>> rank_and_text("0: loss 2.3"), rank_and_text("0: loss 2.3", labelled=True)
    ((None, '0: loss 2.3'), (0, 'loss 2.3'))
    """
    label = _LABEL.match(text) if labelled else None
    if label is not None:
        inner, rest = rank_and_text(text[label.end() :])
        return (int(label["label"]) if inner is None else inner), rest
    found = _PREFIX.match(text) if text[:1] in ("[", "R", "r") else None
    if found is None:
        return None, text
    return int(next(filter(None, found.groups()))), text[found.end() :]


def rank_of_file(file: str) -> int | None:
    """The rank that the name of a file, or of its folder, tells."""
    found = _TORCHRUN_FILE.search(file)
    if found is not None:
        return int(found["rank"])
    found = _RANK_IN_NAME.search(file)
    return None if found is None else int(found["rank"])


class Ranks:
    """The ranks of one source; ``speaks`` says of a line, prefix taken off, whether it holds values."""

    def __init__(self, source: Source, speaks: Callable[[str], object]) -> None:
        self._labelled: dict[str, bool] = {}
        speakers: set[int | None] = set()
        for file in source.files:
            lines = source.head(file).decode("utf-8", "replace").split("\n")
            labelled = self._labelled[file] = _are_labelled(lines)
            for text in lines:
                rank, rest = rank_and_text(text, labelled=labelled)
                if speaks(rest):
                    speakers.add(rank_of_file(file) if rank is None else rank)
        # a process that prints with its rank and without it is the one that prints for all
        numbered = [rank for rank in speakers if rank is not None]
        self._first = 0 if None in speakers else min(numbered, default=None)
        self._named: dict[tuple[SeriesInfo, int], SeriesInfo] = {}

    def lines(self, file: str, lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, int | None, str]]:
        """Number, rank and text of each line; the rank is None where nothing tells it."""
        labelled, own = self._labelled.get(file, False), rank_of_file(file)
        for line, text in lines:
            rank, rest = rank_and_text(text, labelled=labelled)
            yield line, own if rank is None else rank, rest

    def info(self, plain: SeriesInfo, rank: int | None) -> SeriesInfo:
        """The series of that rank."""
        if self._first is None:
            self._first = rank or 0
        if rank is None or rank == self._first:
            return plain
        key = (plain, rank)
        if (known := self._named.get(key)) is None:
            known = self._named[key] = replace(plain, name=f"rank{rank}/{plain.name}")
        return known

    @staticmethod
    def stream(file: str) -> str:
        """The stream that a file belongs to: the files of a rank follow one another, ranks lie side by side."""
        rank = rank_of_file(file)
        found = _TORCHRUN_FILE.search(file)
        kind = f"/std{found['which']}" if found is not None else ""
        return "" if rank is None else f"rank{rank}{kind}"


def _are_labelled(lines: list[str]) -> bool:
    filled = [text for text in lines if text.strip()]
    labelled = sum(_LABEL.match(text) is not None for text in filled)
    return labelled >= max(_FEWEST_LABELLED, _LABELLED * len(filled))
