"""A page of text: wrapped, with hanging indents, on a terminal or in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from nanlog.report import Style
from nanlog.report._clean import SENTENCE_LIMIT, printable
from nanlog.report._console import console_for
from nanlog.report._words import place

if TYPE_CHECKING:
    from rich.text import Text

    from nanlog.model import Evidence

__all__ = ["Page"]

MARGIN = 2
_NARROWEST = 20
_WIDEST = 120  # longer lines are hard to read
_PATH_LIMIT = 32
_UNLIMITED = 4096


class Page:
    """Where sections write; what they hand over is data, never markup.

    ``text(...)`` cleans whatever it is given, so that no section can forget to.  Places are cited relative to
    ``folder``, which the title of the page names already, unless the style is verbose.
    """

    def __init__(self, out: TextIO, style: Style, folder: str = "") -> None:
        self.verbose = style.verbose
        self._folder = "" if style.verbose else folder
        self.width = max(_NARROWEST, min(style.width, _WIDEST))
        self._console = console_for(out, self.width, colour=style.colour)

    def text(self, content: str, style: str = "") -> Text:
        from rich.text import Text

        # as a span, not as the text's own style, which would spread to what is added to it
        return Text().append(printable(content, _UNLIMITED if self.verbose else SENTENCE_LIMIT), style)

    def cite(self, evidence: Evidence) -> Text:
        """A sentence and, dimmed, the place that proves it."""
        return self.with_place(self.text(evidence.says), evidence.file, evidence.line)

    def with_place(self, sentence: Text, file: str | None, line: int | None) -> Text:
        near = None if file is None else file.removeprefix(self._folder)
        where = place(near, line, _UNLIMITED if self.verbose else _PATH_LIMIT)
        return sentence + self.text(f"  {where}", "dim") if where else sentence

    def blank(self) -> None:
        self._console.print()

    def rule(self, title: Text, aside: str) -> None:
        """A line across the page, a title at its left, a remark at its right or, for want of room, below."""
        room = self.width - title.cell_len - len(aside) - 8
        dashes = self.text("── ", "dim"), self.text(" " + "─" * max(room, 2) + " ", "dim"), self.text(" ──", "dim")
        if room >= 2:
            self._line(dashes[0] + title + dashes[1] + self.text(aside, "dim") + dashes[2])
            return
        end = self.text(" " + "─" * max(self.width - title.cell_len - 4, 0), "dim")
        self.item(title + end if end.cell_len > 2 else title, lead=dashes[0], indent=3)
        self.item(self.text(aside, "dim"), indent=3)

    def heading(self, words: str) -> None:
        self.blank()
        self._line(self.text(words, "bold"))

    def item(self, body: Text, lead: Text | None = None, indent: int = MARGIN) -> None:
        """A paragraph at ``indent``; its first line begins with ``lead`` in the margin."""
        from rich.text import Text

        lines = body.wrap(self._console, max(_NARROWEST, self.width - indent), overflow="fold")
        for index, line in enumerate(lines or [Text()]):
            line.rstrip()
            margin = lead.copy() if index == 0 and lead is not None else Text()
            margin.pad_right(max(0, indent - margin.cell_len))
            self._line(margin + line)

    def as_typed(self, body: Text, lead: Text, indent: int) -> None:
        """One line that is not wrapped, for it is to be copied."""
        margin = lead.copy()
        margin.pad_right(max(0, indent - margin.cell_len))
        self._line(margin + body)

    def _line(self, line: Text) -> None:
        line.rstrip()
        self._console.print(line, soft_wrap=True)
