"""What a section needs of the page it is written on, be it a terminal's or one of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["Inline", "Medium"]

#: A piece of a line: styled for a terminal, or Markdown.  Two of them are joined with ``+``.
Inline = TypeVar("Inline", "Text", str)


class Medium(Protocol[Inline]):
    """Turns data into pieces of a line that show it and do nothing else."""

    @property
    def verbose(self) -> bool: ...

    def text(self, content: str, style: str = "") -> Inline: ...

    def with_place(self, sentence: Inline, file: str | None, line: int | None) -> Inline:
        """The sentence and the place that proves it."""
