"""The contract of a parser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from nanlog.model import Parser
from nanlog.registry import SURE, parsers

from ._blocks import Read
from ._texts import HOSTILE, Texts, damaged, excerpt, load

__all__ = ["check_parser", "check_reading", "check_recognition"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_HEAD = 65536  #: bytes by which a log is recognised
_SCORING = 0.25  #: seconds of computing that a score may take at most
_READING = 10.0  #: seconds of computing for a text of no more than _EXCERPT bytes: far beyond what any parser needs
_EXCERPT = 40_000


def check_parser(
    parser: Parser, samples: Iterable[str | Path], others: Iterable[str | Path] = (), *, copies: int = 20
) -> None:
    """Hold a parser to what :class:`nanlog.model.Parser` promises.

    ``samples`` are files or folders of its own dialect, ``others`` such as it must leave alone; of each sample
    ``copies`` are damaged and read.  Raises ``AssertionError``.
    """
    check_recognition(parser, samples := list(samples), others)
    for sample in samples:
        check_reading(parser, sample, copies=copies)


def check_recognition(parser: Parser, samples: Iterable[str | Path], others: Iterable[str | Path] = ()) -> None:
    """The part of :func:`check_parser` that is about the names of a parser and what it recognises."""
    _check_names(parser)
    assert _score(parser, "empty.log", b"") == 0, "an empty file is nobody's"
    for head in _hostile_heads():
        _score(parser, "hostile.log", head)
    for sample in samples:
        texts = load(str(sample))
        assert _own_part(parser, texts).contents, (
            f"{parser.name} is not the surest of any file of {sample}: {_scores(parser, texts)}"
        )
        for file, text in texts.contents.items():
            for head in damaged(excerpt(text, _HEAD), 8):
                _score(parser, file, head)
    for other in others:
        texts = load(str(other))
        taken = list(_own_part(parser, texts).contents)
        assert not taken, f"{parser.name} claims what is not its own: {_scores(parser, texts)}"


def _check_names(parser: Parser) -> None:
    assert _NAME.fullmatch(parser.name), f"{parser.name!r} is no word for --format-in: a-z, 0-9 and _ only"
    assert parser.title.strip(), f"{parser.name} has no title"
    assert parser.title.isprintable(), f"the title of {parser.name} is more than one line of text"
    said: object = getattr(parser, "gives", ())
    assert isinstance(said, tuple), f"what {parser.name} gives is no tuple of phrases"
    for phrase in said:
        assert isinstance(phrase, str), f"{phrase!r} in what {parser.name} gives is no phrase"
        assert phrase.strip(), f"an empty phrase in what {parser.name} gives"
        assert phrase.isprintable(), f"{phrase!r} in what {parser.name} gives is more than one line of text"


def _score(parser: Parser, file: str, head: bytes) -> float:
    begin = time.process_time()
    score = parser.score(file, head[:_HEAD])
    took = time.process_time() - begin
    assert isinstance(score, int | float), f"the score of {file} is {score!r}, no number"
    assert 0.0 <= score <= 1.0, f"the score of {file} is {score}, not within 0 and 1"
    assert took < _SCORING, f"the score of {file} took {took:.2f} s; its head begins with {head[:80]!r}"
    return score


def _scores(parser: Parser, texts: Texts) -> str:
    known = [parser, *(other for other in parsers() if other.name != parser.name)]
    sure = {file: {p.name: p.score(file, texts.head(file)) for p in known} for file in texts.files}
    return "; ".join(
        f"{file}: {', '.join(f'{name} {score:.2f}' for name, score in scores.items() if score) or 'nobody'}"
        for file, scores in sure.items()
    )


def _own_part(parser: Parser, texts: Texts) -> Texts:
    """The files that the parser is sure of, and surer than any other that is installed."""
    rivals = [other for other in parsers() if other.name != parser.name]
    own: dict[str, bytes] = {}
    for file, text in texts.contents.items():
        score = _score(parser, file, texts.head(file))
        if score >= SURE and all(score > rival.score(file, texts.head(file)) for rival in rivals):
            own[file] = text
    return Texts(texts.name, own)


def _hostile_heads() -> Iterable[bytes]:
    """Heads that make a pattern without bounds slow, or a careless reader raise."""
    for piece in (*HOSTILE, b"a", b"1", b"\n", b"[", b"Epoch ", b"loss: ", b"a=", b"|", b"-", b"\x08", b"\t"):
        yield (piece * _HEAD)[:_HEAD]
    yield bytes(range(256)) * 256


def check_reading(parser: Parser, sample: str | Path, *, copies: int = 20) -> None:
    """The part of :func:`check_parser` that is about what a parser reads from a sample."""
    texts = _own_part(parser, load(str(sample)))
    whole = _read(parser, texts)
    assert whole.points, f"{parser.name} reads no point from {texts.name}"
    unordered = whole.unordered()
    assert not unordered, f"points of {texts.name} do not come in the order of the log: {', '.join(unordered)}"
    for size in (5_000, 70_000):
        _check_same(whole, _read(parser, Texts(texts.name, texts.contents, size)), f"pieces of {size} bytes")
    short = Texts(texts.name, {file: excerpt(text, _EXCERPT) for file, text in texts.contents.items()})
    _check_same(_read(parser, short), _read(parser, Texts(short.name, short.contents, 1)), "pieces of one line")
    for file, text in short.contents.items():
        for copy in damaged(text, copies):
            _read(parser, Texts(texts.name, {**short.contents, file: copy}, 9_000))
    begun = parser.read(texts)
    next(begun, None)
    _check_same(whole, _read(parser, texts), "another reading")
    for _ in begun:
        pass


def _read(parser: Parser, texts: Texts) -> Read:
    begin = time.process_time()
    read = Read.of(parser.read(texts), texts.contents)
    took = time.process_time() - begin
    size = sum(map(len, texts.contents.values()))
    assert took < _READING * max(1.0, size / _EXCERPT), f"{parser.name} took {took:.1f} s for {size} bytes"
    return read


def _check_same(expected: Read, found: Read, how: str) -> None:
    one, other = expected.said(), found.said()
    differing: Sequence[str] = [key for key in {**one, **other} if one.get(key) != other.get(key)]
    assert not differing, f"{how} give something else: {'; '.join(differing[:5])}"
