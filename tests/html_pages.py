"""What stands in an HTML page, read with the parser of the standard library."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["VOID", "Element", "Page"]

VOID = {"meta", "img", "br", "wbr", "link", "input", "hr"}
#: Elements that a browser closes by itself would hide a mistake; every one of these must be closed.
Element = tuple[str, dict[str, str]]


class Page(HTMLParser):
    """``elements`` in their order; ``misplaced`` are end tags that close something else than was opened last."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.misplaced: list[str] = []
        self._open: list[str] = []
        self._texts: list[str] = []
        self._silent = 0
        self.feed(text)
        self.close()
        self.misplaced += self._open

    @property
    def text(self) -> str:
        """What is read on the page, white space as single blanks."""
        return " ".join(" ".join(self._texts).split())

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)
        self._silent += tag == "style"

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.misplaced.append(tag)
        self._silent -= tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._texts.append(data)
