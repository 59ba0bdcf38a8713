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
        found |= {(file, line): _around(quoted, line) for line in lines if line in quoted}
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
    near = {near for line in lines for near in range(line - _CONTEXT, line + _CONTEXT + 1)}
    try:
        quoted = quoted_lines(source, file, near)
    except UnreadableError as error:
        return str(error)
    return "it holds records, not lines of text" if quoted is None else quoted


def _around(quoted: dict[int, str], line: int) -> Excerpt:
    near = [number for number in range(line - _CONTEXT, line + _CONTEXT + 1) if number in quoted]
    return Excerpt(tuple(_line(number, quoted[number], abs(number - line)) for number in near))


def _line(number: int, text: str, distance: int) -> QuotedLine:
    shown = printable(text, _LONGEST_NEAR if distance else _LONGEST)
    return QuotedLine(number, shown, cited=distance == 0, far=distance > 1)
