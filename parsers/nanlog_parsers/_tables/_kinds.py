"""What is known of the columns of the table being read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from ._header import Header

__all__ = ["Kinds"]


class Kinds:
    """The present header, and which of its columns hold words; changes as the file is read.

    ``kept`` are the columns of words whose cells the caller wants.  What a column holds is decided where it first has
    cells, by their majority.
    """

    def __init__(self, header: Header, wanted: Collection[str] = ()) -> None:
        self._wanted = frozenset(wanted)
        self._of_names: dict[tuple[str, ...], tuple[set[int], set[int]]] = {}
        self.turn_to(header)

    def turn_to(self, header: Header) -> None:
        """Go on with another header; one that was there before brings back what was known of it."""
        self.header = header
        self.words, self._numbers = self._of_names.setdefault(header.names, (set(), set()))

    def copy(self) -> Kinds:
        """What is known now, whatever is learned later."""
        copied = Kinds(self.header, self._wanted)
        copied.words |= self.words
        copied._numbers |= self._numbers
        return copied

    def agrees(self, later: Kinds) -> bool:
        """Say whether what was read with these is what ``later`` would have read; then ``later`` learns from these."""
        if self.header != later.header or self.words != later.words:
            return False
        later._numbers |= self._numbers
        return True

    def learn(self, numbers: Counter[int], words: Counter[int]) -> None:
        """Decide about columns from how many cells were numbers and words."""
        for position in numbers.keys() | words.keys():
            if position in self._numbers or position in self.words:
                continue
            is_words = words[position] > numbers[position]
            (self.words if is_words else self._numbers).add(position)

    @property
    def kept(self) -> list[int]:
        """The columns of words that the caller wants."""
        names = self.header.names
        return [position for position in sorted(self.words) if names[position].lower() in self._wanted]
