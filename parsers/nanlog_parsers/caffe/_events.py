"""Lines that say that something happened: crashes, exceptions, snapshots."""

from __future__ import annotations

import re

__all__ = ["Tracebacks", "crash", "numpy_warning", "snapshot_step"]

_SNAPSHOT_STEP = re.compile(r"_iter_([0-9]{1,18})(?![0-9])", re.ASCII)
_CRASH = re.compile(
    r"\*\*\* (?:Aborted at|SIG[A-Z]+\b).*"
    r"|(?:double free or corruption|free\(\):|malloc\(\):|munmap_chunk\(\):|corrupted (?:size|double-linked)).*"
    r"|terminate called .*"
    r"|(?:.*: line [0-9]+: +[0-9]+ )?(?:Segmentation fault|Aborted|Killed|Bus error|Floating point exception)"
    r"(?: +\(core dumped\).*)?",
    re.ASCII,
)
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:: .*)?", re.ASCII)
#: numpy names the operation: "divide by zero encountered in log", "invalid value encountered in true_divide".
_NUMPY_WARNING = re.compile(
    r".*\bRuntimeWarning: ((?:divide by zero|invalid value|overflow) encountered in \w{1,40}).*", re.ASCII
)


def snapshot_step(file: str) -> int | None:
    """The iteration in the name of a snapshot (``..._iter_250.caffemodel``)."""
    found = _SNAPSHOT_STEP.findall(file)
    return int(found[-1]) if found else None


def crash(text: str) -> bool:
    """Say whether a line is what the C library, the signal handler of glog or the shell prints at a crash."""
    return _CRASH.fullmatch(text) is not None


def numpy_warning(text: str) -> str | None:
    """What numpy warns of when a Python layer computes something non-finite; None for any other line."""
    found = _NUMPY_WARNING.fullmatch(text) if "RuntimeWarning" in text else None
    return None if found is None else found[1]


class Tracebacks:
    """Waits for the last line of a Python traceback."""

    def __init__(self) -> None:
        self._inside = False

    def read(self, raw: str) -> str | None:
        """Return the exception when ``raw`` (with its leading blanks) ends a traceback."""
        if raw.startswith(_TRACEBACK):
            self._inside = True
        elif self._inside and raw and not raw[0].isspace():
            self._inside = False
            if _EXCEPTION.fullmatch(raw.rstrip()):
                return raw.strip()
        return None
