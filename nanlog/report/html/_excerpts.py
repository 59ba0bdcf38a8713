"""The lines of the log around what a report cites."""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.errors import UnreadableError
from nanlog.model import Report, Source
from nanlog.report._clean import printable
from nanlog.report.html._values import Excerpt, QuotedLine
from nanlog.source import quoted_lines

__all__ = ["excerpts"]

_CONTEXT = 2  #: lines before and after
_LONGEST, _LONGEST_NEAR = 1200, 240  #: characters of the line itself and of those around it
_MOST = 200  #: places in one report
#: Files whose first line names the columns of all others.
_TABLES = (".csv", ".tsv")

Place = tuple[str, int]


def excerpts(report: Report, source: Source) -> tuple[dict[Place, Excerpt], dict[str, str]]:
    """The excerpts by file and line, and of every file that cannot be quoted the reason."""
    wanted: dict[str, list[int]] = {}
    for file, line in list(dict.fromkeys(_places(report)))[:_MOST]:
        wanted.setdefault(file, []).append(line)
    found: dict[Place, Excerpt] = {}
    refused: dict[str, str] = {}
    for file, lines in wanted.items():
        quoted = _quoted(source, file, lines)
        if isinstance(quoted, str):
            refused[file] = quoted
            continue
        found |= {(file, line): _around(file, quoted, line) for line in lines if line in quoted}
        if any(line not in quoted for line in lines):
            refused[file] = "it is shorter than when it was read; diagnose it again"
    return found, refused


def _places(report: Report) -> Iterator[Place]:
    """The onset's place first, then those of the evidence, of the most likely cause first."""
    items = [item for finding in report.findings for item in (*finding.evidence, *finding.against)]
    told = [(item.file, item.line) for item in (*items, *report.notes)]
    if report.onset is not None:
        told.insert(0, (report.onset.file, report.onset.line))
    yield from ((file, line) for file, line in told if file is not None and line is not None and line > 0)


def _quoted(source: Source, file: str, lines: list[int]) -> dict[int, str] | str:
    if file not in source.files:
        return "it is no longer there"
    near = {near for line in lines for near in _near(file, line)}
    try:
        quoted = quoted_lines(source, file, near)
    except UnreadableError as error:
        return str(error)
    return "it holds records, not lines of text" if quoted is None else quoted


def _near(file: str, line: int) -> list[int]:
    """The lines that are shown with one: those around it, and the head of its table."""
    around = range(line - _CONTEXT, line + _CONTEXT + 1)
    return [1, *around] if file.lower().endswith(_TABLES) and 1 not in around else list(around)


def _around(file: str, quoted: dict[int, str], line: int) -> Excerpt:
    return Excerpt(tuple(_line(number, quoted[number], line) for number in _near(file, line) if number in quoted))


def _line(number: int, text: str, cited: int) -> QuotedLine:
    shown = printable(text, _LONGEST if number in (1, cited) else _LONGEST_NEAR)
    return QuotedLine(number, shown, cited=number == cited, far=number > 1 and abs(number - cited) > 1)
