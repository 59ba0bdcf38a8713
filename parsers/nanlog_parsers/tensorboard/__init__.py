"""TensorBoard: event files of torch, Lightning, Hugging Face, tensorboardX, Keras and tf.summary, alone or in folders.

How records are framed is said in ``_frames``, what they hold in ``_events``, and which directories tell of one training
in ``_folder``.  These are imported when there is an event file to read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nanlog.model import Block, Mark, MarkKind, Parser, Source

if TYPE_CHECKING:
    from ._training import Directory

__all__ = ["PARSER", "TensorBoard"]

#: What follows the header of the first record: the time and, behind its eight bytes, the version of the format.
_BEGIN, _TIME_KEY, _VERSION = 12, b"\t", b"brain.Event:"
#: The upper half of a length, which no record needs.
_UPPER = slice(4, 8)
_NAME = "tfevents"
_MOST_NAMED = 5


class TensorBoard:
    """Reads event files; see the module."""

    name = "tensorboard"
    title = "TensorBoard event files and log directories, by torch, tensorboardX, Keras, tf.summary and what uses them"
    unit = "record"
    gives = (
        "every scalar at its exact step",
        "gradient norms and rates where they were written",
        "non-finite shares of histograms",
        "restarts",
        "hyper-parameters",
    )

    def score(self, file: str, head: bytes) -> float:
        if head[_UPPER] == bytes(4) and head[_BEGIN : _BEGIN + 1] == _TIME_KEY:
            if _VERSION in head[:200]:
                return 1.0
            from ._frames import length_at

            if length_at(head, 0) is not None:
                return 0.9
        # a file that was only just begun, or whose first record is damaged
        is_named = _NAME in file.replace("\\", "/").rpartition("/")[2]
        return 0.9 if is_named and (not head or b"\0" in head[:_BEGIN]) else 0.0

    def read(self, source: Source) -> Iterator[Block]:
        from ._files import DirectoryReader
        from ._folder import directories

        found = directories(source)
        for directory in found:
            reader = DirectoryReader(directory)
            for file in directory.files:
                yield from reader.read(file, (piece.data for piece in source.pieces(file)))
            yield from reader.closing()
        yield from _several(found)


def _several(found: list[Directory]) -> Iterator[Block]:
    """Say so where a folder holds more than one training."""
    labels = list(dict.fromkeys(each.training.label for each in found if each.training.label))
    if not labels:
        return
    named = ", ".join(labels[:_MOST_NAMED]) + (", ..." if len(labels) > _MOST_NAMED else "")
    says = (
        f"the folder holds {len(labels) + 1} trainings; the series of {named} have these names behind their own, "
        "and each is judged better by itself: name its folder"
    )
    judged = found[0]
    yield Block(judged.files[0], marks=(Mark(MarkKind.NOTE, judged.files[0], 1, text=says),), stream=judged.stream)


PARSER: Parser = TensorBoard()
