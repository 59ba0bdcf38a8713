"""Python tracebacks, and those that ``detect_anomaly`` prints of the forward call of a gradient that is NaN."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Anomaly", "Frame", "Raised", "Tracebacks"]

_LONGEST_TEXT = 2000
_RANK = re.compile(r"\[(?:rank ?: ?|rank|default)[0-9]{1,6}\]:? ?", re.IGNORECASE)
_BEGINS = "Traceback (most recent call last):"
_FORWARD = re.compile(r"Error detected in (\S{1,200}?)\. (?:Traceback of forward call|No forward pass information)")
_FRAME = re.compile(r'\s+File "([^"]{1,1000})", line ([0-9]{1,9})(?:, in (.{1,200}))?')
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(?:: .{0,2000}|:)?", re.DOTALL)
_MARKERS = re.compile(r"[\s^~]{1,10000}")
_ANOMALY = re.compile(r"Function '([^']{1,200})' returned nan values in its ([0-9]{1,6})(?:th|st|nd|rd) output")
#: Frames of libraries; the last frame outside of them is where the user's own code stands.
_LIBRARY = re.compile(r"(?:site|dist)-packages[/\\]|[/\\]lib[/\\]python3|^<|[/\\]torch[/\\](?:nn|autograd|_)")


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a program, and the code that stands there where the traceback shows it."""

    file: str
    line: int
    function: str
    code: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" + (f" in {self.function}" if self.function else "")
        return f"{place}: {self.code}" if self.code else place


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that ended a traceback."""

    text: str


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A backward function that returned NaN, and where its forward call stands."""

    text: str
    function: str
    forward: Frame | None


class Tracebacks:
    """Takes the lines of a log one after the other."""

    def __init__(self) -> None:
        self._inside = ""  #: "call" in a traceback of an exception, "forward" in one of anomaly detection
        self._frame: Frame | None = None  #: the last one outside of libraries, else the last one
        self._wants_code = False
        self._forward: Frame | None = None

    def read(self, text: str) -> list[Raised | Anomaly] | None:
        """What ends with this line; None if it is no part of a traceback."""
        text = text[:_LONGEST_TEXT]
        if (rank := _RANK.match(text)) is not None:
            text = text[rank.end() :]
        if _BEGINS in text:
            self._begin("call")
            return []
        if (_FORWARD.search(text)) is not None:
            self._begin("forward")
            return []
        if not self._inside:
            return None
        if text.startswith("  ") or (_MARKERS.fullmatch(text) and self._inside == "call"):
            self._note(text)
            return []
        inside, self._inside = self._inside, ""
        if inside == "forward":
            self._forward = self._frame
            return None
        return self._raised(text) if _EXCEPTION.fullmatch(text) else None

    def _begin(self, inside: str) -> None:
        if self._inside == "forward":
            self._forward = self._frame
        self._inside, self._frame, self._wants_code = inside, None, False

    def _note(self, text: str) -> None:
        found = _FRAME.match(text)
        if found is not None:
            frame = Frame(found[1], int(found[2]), (found[3] or "").strip())
            is_users = not _LIBRARY.search(frame.file)
            self._wants_code = is_users or self._frame is None or bool(_LIBRARY.search(self._frame.file))
            if self._wants_code:
                self._frame = frame
        elif self._wants_code and self._frame is not None:
            self._wants_code = False
            self._frame = Frame(self._frame.file, self._frame.line, self._frame.function, text.strip()[:300])

    def _raised(self, text: str) -> list[Raised | Anomaly]:
        found = _ANOMALY.search(text)
        if found is None:
            return [Raised(text)]
        says = found[0] if self._forward is None else f"{found[0]}; its forward call: {self._forward}"
        return [Anomaly(says, found[1], self._forward), Raised(text)]
