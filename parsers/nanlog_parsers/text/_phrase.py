"""What stands beside each number of a line: its name, what joins the two, its unit.

Names stand on the left: ``loss=2.3``, ``loss: 2.3``, ``loss 2.3``, ``"loss": [2.3``, ``| loss | 2.3 |``.  Numbers that
are part of a date, a time, a place in a source file or the prefix of a logger are known as such and have no name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nanlog_parsers._names import words

__all__ = ["UNIT", "Number", "name_before", "phrase", "words_of"]

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_CLOCK = r"\d{1,2}:\d\d:\d\d"
_CODE = r"(?:py|pyx|cc|cpp|cxx|cu|cuh|c|h|hpp|java|scala|kt|go|rs|jl|m|lua|R|js|ts|ipynb)"
#: Numbers that are no values.
_NO_VALUES = re.compile(
    rf"^[IWEFD]\d{{4}} {_CLOCK}\.\d{{1,9}} +\d{{1,9}} "  # glog and absl
    r"|(?<!\d)\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)"
    rf"|(?<![\d.])\d{{1,2}}[-/.]\d{{1,2}}[-/.](?:\d{{4}}|\d\d(?=[ T,]{{1,3}}{_CLOCK}))(?!\d)"
    rf"|(?<![\d.])\d{{1,2}}[-/]\d{{1,2}}(?=[ T,]{{1,3}}{_CLOCK})"
    rf"|\b{_MONTH}[ -]{{1,2}}\d{{1,2}}\b(?:,?[ -]{{1,2}}\d{{4}}\b)?"
    rf"|\b\d{{1,2}}[ -]{_MONTH}[ -]\d{{2,4}}\b"
    rf"|{_CLOCK}(?:[.,]\d{{1,9}})? (?:[A-Z]{{2,4}} )?(?:19|20)\d\d\b"
    r"|(?:(?<!\d)\d{1,4} days?, ?)?(?<![\d.])\d{1,4}:\d\d:\d\d(?:[.,]\d{1,9})?(?!\d)"
    r"|(?<![\d.:\w])\d{1,3}:\d\d(?![\d:])"
    rf"|[\w/\\.-]{{1,200}}\.{_CODE}(?::| )\d{{1,9}}(?::\d{{1,9}})?(?![\w.])"
    r"|\b[A-Z][\w.$]{1,80}:\d{1,6}(?=\]| +-)"
    r"|\((?!ep|step|it|batch)\w{1,80}:\d{1,9}\)"
    r"|\bline \d{1,9}\b"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b",
    re.ASCII,
)

#: Between two things that have nothing to do with each other.
_BREAK = re.compile(r"[,;|\t\n{}()\[\]<>\"'`!?:=\\]| - | -- |  ")
#: ``user=kim`` of ``user=kim lr=0.1``: its word is no part of the name that follows.
_PAIR = re.compile(r"=[^\s=]{1,200} ")
UNIT = re.compile(r"^[A-Za-z\xb5]{1,16}(?:/[A-Za-z]{1,16})?")
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_WRAPPER = re.compile(r"(?:\b(?:tensor|array|Array|Tensor|float|float\d\d|np\.\w{1,20}|DeviceArray))$", re.ASCII)
_IS = re.compile(r"\bis$")
#: A name and its value as Python 2 prints two things in brackets: ``('loss: ', 2.3``.
_QUOTED = re.compile(r"[A-Za-z\])][:= ]{0,3}[\"'],$", re.ASCII)
_EDGES = " .*#>+-~_&%$/@\x80\x82\x85\xa0"
_LEVELS = {"info", "debug", "warning", "warn", "error", "notice", "trace", "critical", "fatal"}
#: Words that end what a name is about: ``saved in 2.3``, ``improved from inf``.
_STOPS = {
    *("in", "at", "of", "to", "from", "for", "with", "after", "on", "by", "over", "than", "and", "the", "a", "an"),
    *("took", "was", "were", "are", "be", "using", "out", "has", "have", "found", "got", "into", "about", "around"),
    *("it's", "its", "least", "most", "every", "each", "until", "since", "within", "only", "because", "via", "per"),
    *("no", "not", "any", "all"),
}
#: Where the name and its value are joined by a sign, only these do.
_STOPS_OF_A_SIGN = {"with", "from", "to", "in", "at", "after", "for", "was", "using", "than"}
_MOST_WORDS = 5
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a line.

    ``name`` is "" where nothing names it; ``joint`` is what joins name and number: ``=``, ``:``, ``|``, ``is`` or ""
    for blanks.  ``opened`` is the bracket directly before it.  ``phrase`` is all text since the last break, of which
    ``name`` is the end.  ``ignored`` numbers are part of a date or the like.
    """

    text: str
    begin: int
    end: int
    left: str
    right: str
    name: str = ""
    phrase: str = ""
    joint: str = ""
    opened: str = ""
    unit: str = ""
    ignored: bool = False

    @property
    def is_strong(self) -> bool:
        return self.joint in {"=", ":", "|"}

    @property
    def is_percent(self) -> bool:
        return self.right.lstrip().startswith("%")


def words_of(name: str) -> list[str]:
    """The words of a name that are made of letters."""
    return [word for word in words(name) if not word.isdigit()]


def phrase(content: bytes, numbers: Sequence[tuple[int, int]]) -> list[Number]:
    """Name the numbers of a line."""
    line = content.decode("latin-1").replace("\xef\xbc\x9a", "  :")
    ignored = bytearray(len(line) + 1)
    for found in _NO_VALUES.finditer(line):
        ignored[found.start() : found.end()] = b"\1" * (found.end() - found.start())
    named: list[Number] = []
    for place, (begin, end) in enumerate(numbers):
        before = numbers[place - 1][1] if place else 0
        behind = numbers[place + 1][0] if place + 1 < len(numbers) else len(line)
        left, right = line[before:begin], line[end:behind]
        if ignored[begin]:
            named.append(Number(line[begin:end], begin, end, left, right, ignored=True))
            continue
        unit = re.match(r"[A-Za-z\xb5]{0,8}", right)
        name, said, joint, opened = name_before(UNIT.sub("", left, count=1) if place else left)
        unit_text = unit[0] if unit is not None else ""
        named.append(Number(line[begin:end], begin, end, left, right, name, said, joint, opened, unit_text))
    return named


def name_before(left: str) -> tuple[str, str, str, str]:
    """Name, phrase, joint and bracket of the number behind ``left``."""
    rest, opened = _without_openers(left)
    wrapper = _WRAPPER.search(rest) if opened == "(" else None
    if wrapper is not None:
        rest, opened = _without_openers(rest[: wrapper.start()])
    rest, joint = _without_joint(rest)
    rest = rest.rstrip("\"'` ")
    if joint == "|":
        if left.count("|") < 2:
            return "", "", "", opened
        cells = [cell.strip() for cell in rest.split("|")]
        rest = next((cell for cell in reversed(cells) if cell), "")
    core, suffix = _without_group(rest)
    if joint == "=" and "=" in core:
        core = _PAIR.sub("=; ", core)
    said = _BREAK.split(core)[-1].strip(_EDGES)
    name = _end_of(said, joint)
    if name and suffix:
        name += suffix
    return _decoded(name), _decoded(said), joint, opened


def _without_openers(text: str) -> tuple[str, str]:
    rest = text.rstrip()
    opened = ""
    while rest and rest[-1] in "([{'\"`$~*<":
        if rest[-1] in "([{":
            opened = rest[-1]
        rest = rest[:-1].rstrip()
    return rest, opened


def _without_joint(text: str) -> tuple[str, str]:
    if text.endswith(("==", "!=", "<=", ">=", "::")):
        return "", ""
    if text.endswith(("->", "=>")):
        return text[:-2].rstrip("-= "), ":"
    if _QUOTED.search(text) is not None:
        return text[:-1].rstrip("\"' ").rstrip(":= "), ":"
    if text.endswith(("=", ":", "|")):
        return text[:-1].rstrip(), text[-1]
    if _IS.search(text) is not None:
        return text[:-2].rstrip(), "is"
    return text, ""


def _without_group(text: str) -> tuple[str, str]:
    """Divide ``D(G(z))`` into D and what is in brackets; brackets behind a blank (``time (ms)``) are left out."""
    if not text or text[-1] not in _BRACKETS:
        return text, ""
    depth = 0
    for place in range(len(text) - 1, max(len(text) - _LONGEST_NAME, 0) - 1, -1):
        if text[place] in ")]}":
            depth += 1
        elif text[place] in "([{":
            depth -= 1
            if depth == 0:
                attached = place > 0 and (text[place - 1].isalnum() or text[place - 1] in "_@")
                return text[:place].rstrip(), text[place:] if attached else ""
    return text, ""


def _end_of(said: str, joint: str) -> str:
    """The end of a phrase that can be a name; "" where there is none."""
    if len(said) > _LONGEST_NAME:
        said = said[-_LONGEST_NAME:].partition(" ")[2]
    parts = said.split()
    while parts and parts[0].lower().strip("[]().:") in _LEVELS:
        parts = parts[1:]
    stops = _STOPS_OF_A_SIGN if joint in {"=", ":", "|"} else _STOPS
    for place in range(len(parts) - 1, -1, -1):
        if parts[place].lower() in stops:
            parts = parts[place + 1 :]
            break
    if len(parts) > _MOST_WORDS and joint not in {":", "|"}:
        parts = parts[-_MOST_WORDS:]
    name = " ".join(parts).strip(_EDGES)
    return name if any(c.isalpha() for c in name) else ""


def _decoded(name: str) -> str:
    return name.encode("latin-1", "replace").decode("utf-8", "replace")
