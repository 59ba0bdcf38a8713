"""What the logs of large trainings have in common: one line at a time, from several ranks, with skipped updates.

A dialect is a :class:`LineLog` that knows its own lines; exceptions, loss scalers and ranks are seen to here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from nanlog.model import Block, BlockBuilder, FactValue, Mark, MarkKind, Source
from nanlog_parsers._names import Names
from nanlog_parsers._numbers import number
from nanlog_parsers._overflows import AT_MINIMUM, Overflows, dated
from nanlog_parsers._ranks import Ranks
from nanlog_parsers._states import bulk
from nanlog_parsers._tracebacks import Tracebacks, marks_of

__all__ = ["VALUE", "LineLog", "blocks", "constant", "dotted_setting", "word_with"]

#: What a number may look like; which of them are numbers :func:`nanlog_parsers._numbers.number` says.
VALUE = r"[-+]?(?:[.0-9][\w.#+-]{0,60}|(?i:nan|inf(?:inity)?)\b)"

#: No line of a training is longer; what follows is not looked at.
LONGEST_LINE = 20_000

#: ``  hidden_size ........ 512`` as Megatron-LM and DeepSpeed print their settings.
_DOTTED = re.compile(r" {0,4}(?P<key>[A-Za-z_][\w.-]{0,100}) \.{2,120} (?P<value>.{1,500})")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_CONSTANTS: dict[str, FactValue] = {"True": True, "False": False, "true": True, "false": False}


class LineLog:
    """One file while it is read; ``rows`` takes what is found."""

    loss_scale = "loss_scale"  #: what the dialect calls it

    def __init__(self, rows: BlockBuilder, names: Names, ranks: Ranks) -> None:
        self.rows = rows
        self.names = names
        self.ranks = ranks
        self.step: int | None = None  #: the last that was logged
        self._overflows = Overflows()
        self._tracebacks = Tracebacks()

    def read(self, line: int, rank: int | None, text: str) -> None:
        """Take what one line says."""
        if self._overflows.read(line, text, rank):
            return
        exception = self._tracebacks.read(text, rank)
        if exception is not None or AT_MINIMUM in text:
            self._failed(line, text.strip()[:LONGEST_LINE] if exception is None else exception)
        else:
            self.line(line, rank, text)

    def line(self, line: int, rank: int | None, text: str) -> None:
        """Take a line of the dialect's own."""
        raise NotImplementedError

    def add(self, original: str, rank: int | None, step: int | None, value: float, line: int, split: str = "") -> None:
        info = self.ranks.info(self.names.info(original, split=split), rank)
        self.rows.add(info, step=step, value=value, line=line)

    def mark(self, kind: MarkKind, line: int, step: int | None = None, text: str = "") -> None:
        self.rows.mark(Mark(kind, self.rows.file, line, step, text))

    def fact(self, key: str, text: str, line: int) -> None:
        self.rows.fact(key, constant(text), line)

    def reached(self, step: int) -> None:
        """A line names a step: the updates skipped before it happened by then."""
        self._date_skipped(step)
        self.step = step

    def finish(self) -> None:
        self._date_skipped(None)

    def _date_skipped(self, step: int | None) -> int:
        skipped = self._overflows.take()
        last = self.step if step is None or self.step is None or self.step < step else None
        for each, when in zip(skipped, dated(skipped, last, step), strict=True):
            self.rows.mark(each.mark(self.rows.file, when))
            if each.after is not None:
                self.rows.add(self.names.info(self.loss_scale), step=when, value=each.after, line=each.line)
        return len(skipped)

    def _failed(self, line: int, exception: str) -> None:
        skipped = self._date_skipped(None)
        at = None
        if AT_MINIMUM in exception:
            at = skipped if self.step is None else self.step + skipped + 1
            self.rows.mark(Mark(MarkKind.NONFINITE, self.rows.file, line, at, exception))
        for mark in marks_of(exception, self.rows.file, line, at):
            self.rows.mark(mark)


def blocks(source: Source, ranks: Ranks, dialect: Callable[[BlockBuilder, Names, Ranks], LineLog]) -> Iterator[Block]:
    """Read all files of a source, a block for each piece."""
    names = Names()
    for file in source.files:
        rows = BlockBuilder(file, ranks.stream(file))
        log = dialect(rows, names, ranks)
        for states in bulk(source.pieces(file)):
            for line, rank, text in ranks.lines(file, states):
                log.read(line, rank, text[:LONGEST_LINE])
            yield rows.build()
        log.finish()
        yield rows.build()


def dotted_setting(text: str) -> tuple[str, str] | None:
    """Key and value of a line of settings.

    >>> dotted_setting("  clip_grad ....................................... 1.0")
    ('clip_grad', '1.0')
    """
    found = _DOTTED.fullmatch(text.rstrip())
    return None if found is None else (found["key"], found["value"].strip())


def word_with(part: str, text: str) -> str:
    """The first word of a text that holds ``part``, full stop and commas taken off: the name of a file; "" for none."""
    return next((word.rstrip(".,;") for word in text.split() if part in word), "")


def constant(text: str) -> FactValue:
    """What Python printed: a truth value, a number, or else the text itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    value = number(text)
    return text if value is None else value
