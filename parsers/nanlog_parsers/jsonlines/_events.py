"""Lines that tell of something that happened: only what can mean nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from nanlog.model import Mark, MarkKind
from nanlog_parsers._names import words as words_of
from nanlog_parsers._tables import counter_of

from ._records import Record

__all__ = ["event_of", "tells_of_event"]

_TOLD_BY = ("event", "type", "kind", "_type", "msg", "message", "event_type")
_PATHS = ("path", "checkpoint", "file", "filename", "ckpt", "checkpoint_path", "ckpt_path")
_TRACEBACKS = ("exception", "exc_info", "traceback", "stack_info")
_WRITTEN = {"save", "saved", "saving", "written", "wrote", "write", "writing"}
_CHECKPOINT = {"checkpoint", "checkpoints", "ckpt"}
#: A sentence with more words may speak of anything.
_MOST_WORDS = 8


def tells_of_event(words: Mapping[str, str]) -> bool:
    """Say whether the strings of a line tell of an event."""
    return _is_checkpoint(words) or any(_last_line(words, key) for key in _TRACEBACKS)


def event_of(read: Record, file: str, line: int) -> Mark | None:
    """The event that an object tells of; None where it tells of none."""
    counter = counter_of(read.values)
    value = None if counter is None else read.values[counter]
    step = int(value) if value is not None and 0 <= value < 2**53 else None
    for key in _TRACEBACKS:
        if text := _last_line(read.words, key):
            return Mark(MarkKind.EXCEPTION, file, line, step, text)
    if _is_checkpoint(read.words):
        path = next((read.words[key] for key in _PATHS if key in read.words), "")
        return Mark(MarkKind.CHECKPOINT, file, line, step, path)
    return None


def _is_checkpoint(words: Mapping[str, str]) -> bool:
    for key in _TOLD_BY:
        said = words_of(words.get(key, ""))
        if _CHECKPOINT & set(said) and len(said) <= _MOST_WORDS and (len(said) == 1 or _WRITTEN & set(said)):
            return True
    return False


def _last_line(words: Mapping[str, str], key: str) -> str:
    """The last line of a traceback: the exception itself."""
    text = words.get(key, "").rstrip()
    last = text.rpartition("\n")[2]
    return last if "Traceback" in text and ":" in last else ""
