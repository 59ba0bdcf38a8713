"""Which files a path on the command line stands for, and opening them without ever waiting."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote

from nanlog.errors import UnreadableError

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)
_WHAT_CAN_BE_READ = "name a log file, a folder of logs, or - for standard input"


def open_regular(path: Path) -> io.RawIOBase:
    """Open a regular file, unbuffered; raises ``UnreadableError`` for anything else."""
    # Without O_NONBLOCK, opening a pipe would wait for its writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise refusal(path, error) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = next((word for is_kind, word in _KINDS if is_kind(mode)), "no file")
        raise UnreadableError(
            f"cannot read {path}: it is {kind}, which may never end; "
            f"pipe its content in: nanlog diagnose - < {quote(str(path))}"
        )
    return os.fdopen(descriptor, "rb", buffering=0)


def refusal(path: Path, error: OSError) -> UnreadableError:
    """The sentence for a path that the system would not open or look at."""
    if isinstance(error, FileNotFoundError):
        return UnreadableError(f"cannot read {path}: there is no such file; {_WHAT_CAN_BE_READ}")
    if isinstance(error, PermissionError):
        return UnreadableError(f"cannot read {path}: permission denied; see who may: ls -ld {quote(str(path))}")
    return UnreadableError(f"cannot read {path}: {error.strerror or error}; {_WHAT_CAN_BE_READ}")


def regular_files(folder: Path, refused: Callable[[Path, OSError], object]) -> list[Path]:
    """All regular files below ``folder`` in natural order (``log.2`` before ``log.10``).

    Hidden files and folders are left out (the store of nanlog is one), and so are links to folders.  A file that has
    several names is listed once, if possible under one that is not a link: glog keeps ``caffe.INFO`` as a link to the
    log it is writing.  What cannot be looked at goes to ``refused``.
    """
    seen: dict[tuple[int, int], Path] = {}
    for path in sorted(_walk(folder, refused), key=lambda path: (path.is_symlink(), natural_key(path))):
        try:
            status = path.stat()
        except OSError as error:
            refused(path, error)
            continue
        if stat.S_ISREG(status.st_mode):
            seen.setdefault((status.st_dev, status.st_ino), path)
    return sorted(seen.values(), key=natural_key)


def natural_key(path: Path) -> tuple[tuple[tuple[str | int, ...], ...], str]:
    """Orders the numbers inside names by their value."""
    return tuple(_natural(part) for part in path.parts), str(path)


def _natural(name: str) -> tuple[str | int, ...]:
    # re.split alternates text and number, so that like is compared with like
    return tuple(int(part) if index % 2 else part for index, part in enumerate(re.split(r"([0-9]+)", name)))


def _walk(folder: Path, refused: Callable[[Path, OSError], object]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=lambda error: refused(Path(error.filename), error)):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))
