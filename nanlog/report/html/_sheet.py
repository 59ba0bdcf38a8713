"""Pieces of a line in HTML, and the texts that are too long for one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass

from markupsafe import Markup, escape

from nanlog.model import Evidence, Report
from nanlog.report._clean import NAME_LIMIT, SENTENCE_LIMIT, printable
from nanlog.report._words import place

__all__ = ["LongText", "Sheet", "clean"]

_LONGEST = 20_000  #: characters of a text that is shown in full
_MOST = 200  #: texts that are
_PATH_LIMIT = 40


@dataclass(frozen=True, slots=True)
class LongText:
    """A text that is shortened where it is used: ``anchor`` is its place on the page, ``size`` its whole length."""

    anchor: str
    text: str
    size: int


def clean(text: str) -> str:
    """``text`` on one line without anything that is not printable, at most 20,000 characters of it."""
    return printable(text, _LONGEST)


class Sheet:
    """A :class:`~nanlog.report._medium.Medium` whose pieces are ``Markup``; what is shortened links to its full text.

    Places are cited relative to ``folder``, which the head of the page names already.
    """

    def __init__(self, report: Report, folder: str = "", *, verbose: bool = False) -> None:
        self.verbose = verbose
        self._folder = folder
        self._long: dict[str, LongText] = {}
        self._names: dict[str, Markup] = {}
        for name in _names(report):
            if len(clean(name)) > NAME_LIMIT:
                short = printable(name, NAME_LIMIT)
                self._names.setdefault(str(escape(short)), self._linked(short, name))

    @property
    def long_texts(self) -> tuple[LongText, ...]:
        """What was shortened so far, in the order it was first used."""
        return tuple(self._long.values())

    def at_length(self) -> Sheet:
        """A sheet for a section that leaves nothing out; long texts are kept in common."""
        other = copy(self)
        other.verbose = True
        return other

    def text(self, content: str, style: str = "") -> Markup:
        """What the content says; of all styles only ``bold`` is shown."""
        short = printable(content, SENTENCE_LIMIT)
        said = escape(short) if len(clean(content)) <= SENTENCE_LIMIT else self._linked(short, content)
        if self._names and "<a " not in said:  # a link cannot hold another one
            short_names = re.compile("|".join(map(re.escape, sorted(self._names, key=len, reverse=True))))
            said = Markup(short_names.sub(lambda match: self._names[match[0]], said))  # noqa: S704  both are escaped
        return Markup("<strong>{}</strong>").format(said) if said and style == "bold" else said

    def with_place(self, sentence: str, file: str | None, line: int | None) -> Markup:
        where = self.place(file, line)
        return Markup('{} <span class="place">{}</span>').format(sentence, where) if where else escape(sentence)

    def place(self, file: str | None, line: int | None) -> Markup:
        """``train.log:177``; a long path keeps its end, and a break is allowed after each of its folders."""
        near = None if file is None else file.removeprefix(self._folder)
        shown = Markup("/<wbr>").join(map(escape, place(near, line, _PATH_LIMIT).split("/")))
        if near is None or len(near) <= _PATH_LIMIT:
            return shown
        return Markup('<span title="{}">{}</span>').format(place(near, line, SENTENCE_LIMIT), shown)

    def cite(self, evidence: Evidence) -> Markup:
        return self.with_place(self.text(evidence.says), evidence.file, evidence.line)

    def _linked(self, short: str, full: str) -> Markup:
        if full not in self._long:
            if len(self._long) >= _MOST:
                return escape(short)
            self._long[full] = LongText(f"full-{len(self._long) + 1}", clean(full), len(full))
        return Markup('<a href="#{}">{}</a>').format(self._long[full].anchor, short)


def _names(report: Report) -> Iterator[str]:
    """What reporters shorten to the length of a name."""
    run, onset = report.run, report.onset
    yield from filter(None, (run.parser, *(finding.layer for finding in report.findings)))
    yield from (finding.rule for finding in report.findings)
    if onset is not None:
        yield from filter(None, (onset.series, onset.last_good_checkpoint))
        yield from _each(text for bad in onset.order[:_MOST] for text in (bad.series, bad.layer))
    yield from _each(attempt.resumed_from for attempt in run.attempts[:_MOST])
    yield from (missing for lack in report.cannot_tell for missing in lack.missing)
    yield from (file.rpartition("/")[2] for file in run.left_out[:_MOST])


def _each(texts: Iterable[str | None]) -> Iterator[str]:
    return (text for text in texts if text is not None)
