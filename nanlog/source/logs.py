"""The sources a run is read from."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from nanlog.errors import UnreadableError
from nanlog.model import Piece, Source, Unread

from .compression import LONGEST_MAGIC, compression_of, decompressed
from .files import open_regular, refusal, regular_files
from .stdin import StandardInput
from .text import LONGEST_LINE, PIECE, as_utf8, count_lines, pieces_of

_Open = Callable[[], io.RawIOBase]

_TOO_LONG = f"the line is longer than {LONGEST_LINE >> 20} MiB and was read in parts"


def open_source(path: str) -> Source:
    """Look at what ``path`` names: a file, compressed or not, a folder, or ``-`` for standard input.

    An empty file is a source without lines.  Raises ``UnreadableError`` for what does not exist, may not be read, is
    neither file nor folder, and for a folder in which there is no file that can be read.
    """
    if path == "-":
        return LogSource("-", {"-": StandardInput()})
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        raise refusal(Path(path), error) from error
    if stat.S_ISDIR(mode):
        return _folder(path)
    open_regular(Path(path)).close()
    return LogSource(_name(path), {_name(path): _Opener(Path(path))})


class LogSource:
    """A :class:`nanlog.model.Source` over files that are opened by calling what their name stands for."""

    def __init__(self, name: str, files: dict[str, _Open], refused: tuple[Unread, ...] = ()) -> None:
        self._name = name
        self._files = files
        self._refused = refused
        self._damage: dict[str, tuple[Unread, ...]] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self._files)

    def head(self, file: str, size: int = 65536) -> bytes:
        head = b""
        with io.BufferedReader(self._files[file]()) as stored:
            for chunk in as_utf8(_content(stored, size + LONGEST_MAGIC, lambda _sentence: None)):
                head += chunk
                if len(head) >= size:
                    break
        return head[:size]

    def pieces(self, file: str) -> Iterator[Piece]:
        damage: list[Unread] = []
        faults: list[str] = []
        last = Piece(file, b"", 1)
        with io.BufferedReader(self._files[file]()) as stored:
            for piece in pieces_of(file, as_utf8(_content(stored, PIECE, faults.append))):
                if piece.continues and not (last.continues and last.first_line == piece.first_line):
                    damage.append(Unread(file, piece.first_line, "", _TOO_LONG))
                last = piece
                yield piece
        end = last.first_line + count_lines(last.data)
        self._damage[file] = (*damage, *(Unread(file, end, "", fault) for fault in faults))

    def damage(self) -> tuple[Unread, ...]:
        return self._refused + tuple(unread for file in self._files for unread in self._damage.get(file, ()))


class _Opener:
    """Opens one file by its path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> io.RawIOBase:
        return open_regular(self._path)


def _folder(path: str) -> Source:
    refused: list[tuple[Path, OSError]] = []
    files: dict[str, _Open] = {}
    for file in regular_files(Path(path), lambda unseen, error: refused.append((unseen, error))):
        if os.access(file, os.R_OK):
            files[_name(str(file))] = _Opener(file)
        else:
            refused.append((file, PermissionError("permission denied")))
    if not files:
        found = "; ".join(f"{file}: {error.strerror or error}" for file, error in refused[:3])
        raise UnreadableError(
            f"cannot read {path}: no file in this folder can be read{f' ({found})' if found else ''}; "
            "hidden files are left out; name a log file itself"
        )
    unread = tuple(
        Unread(_name(str(file)), 1, "", f"could not be read: {error.strerror or error}") for file, error in refused
    )
    return LogSource(_name(path), files, unread)


def _name(path: str) -> str:
    """A path as text that is valid Unicode whatever bytes are in it."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _content(stored: io.BufferedReader[io.RawIOBase], size: int, damaged: Callable[[str], None]) -> Iterator[bytes]:
    """The bytes of a file, decompressed; read in chunks of ``size`` where it is not compressed."""

    def read(count: int) -> bytes:
        try:
            return stored.read(count)
        except OSError as error:
            damaged(f"reading stopped at byte {stored.raw.tell()}: {error.strerror or error}")
            return b""

    compression = compression_of(read(LONGEST_MAGIC))
    stored.seek(0)
    if compression is not None:
        return decompressed(read, compression, damaged)
    return iter(lambda: read(size), b"")
