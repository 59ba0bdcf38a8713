"""The prefix that glog puts before a message, and what the world puts before glog's.

    I1123 02:31:43.789896 10673 net.cpp:593] message
    I20261123 02:31:43.789896 10673 net.cpp:593] message

Only the first line of a message has it.  Logs that were copied carry more in front (the clock of a container, a rank, a
quotation mark) or less (a forum post without any prefix).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Message", "clock_end", "messages"]

_CLOCK = r"[IWEF](?:[0-9]{4}){1,2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
_PLACE = r"[\w.+/\\-]+:[0-9]+\]"
_PREFIX = re.compile(rf"({_CLOCK}) +[0-9]+ ({_PLACE}) ?", re.ASCII)
#: A prefix whose clock was cut off or damaged.
_PLACE_ONLY = re.compile(
    rf"(?:^|(?<=[\s>|:]))(?:[0-9]+ {_PLACE}|[\w.+/\\-]+\.(?:c|cc|cpp|cu|h|hpp):[0-9]+\]) ?", re.ASCII
)
_CLOCK_BYTES = re.compile(
    rb"^([^\n]{0,200}?" + _CLOCK.encode() + rb") +[0-9]+ " + _PLACE.encode(),
    re.MULTILINE,
)

#: What copying puts before a line: quotation marks, clocks, ranks, names of containers.
_WRAPPING = re.compile(
    r"""(?:
        \s+ | [>|]+
        | [0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?)?(?=[\s:|>\]])
        | [0-9]{1,2}:[0-9]{2}:[0-9]{2}[0-9.,]*(?=[\s:|>\]])
        | \[(?!(?:Forward|Backward|Update)\])[^\]]{0,60}\]:?
        | (?i:rank|worker|node|gpu|task|proc)?[ _]?[0-9]+\s*[:>|](?=\s)
        | [\w.-]{1,64}\s*\|(?=\s)
        | (?:stdout|stderr)(?:\s[FP])?(?=[\s:])
    )*+""",
    re.VERBOSE | re.ASCII,
)
_LONGEST_WRAPPING = 200


@dataclass(frozen=True, slots=True)
class Message:
    """One message, or a line that continues one.

    ``severity`` is None and ``prefixed`` False where the line has no prefix of glog.
    """

    text: str
    severity: str | None = None
    prefixed: bool = False


def messages(line: str) -> Iterator[Message]:
    """Yield what ``line`` holds: one message, or several where a process died within a line and another wrote on."""
    found = _PREFIX.match(line) or _PREFIX.search(line, 0, _LONGEST_WRAPPING)
    if found is None:
        yield _without_clock(line)
        return
    while found is not None:
        following = _PREFIX.search(line, found.end())
        end = len(line) if following is None else following.start()
        yield Message(line[found.end() : end], found[1][0], prefixed=True)
        found = following


def clock_end(text: bytes) -> int:
    """Where in a line of ``text`` the clock of glog ends, by the first line that has one; 0 when none has."""
    found = _CLOCK_BYTES.search(text)
    return 0 if found is None else found.end(1) - found.start(1)


def _without_clock(line: str) -> Message:
    found = _PLACE_ONLY.search(line, 0, _LONGEST_WRAPPING)
    if found is not None:
        return Message(line[found.end() :], prefixed=True)
    wrapping = _WRAPPING.match(line)
    # Leading blanks alone are kept: in a traceback they tell where it ends.
    return Message(line[wrapping.end() :] if wrapping is not None and wrapping.group().strip() else line)
