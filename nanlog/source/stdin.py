"""Standard input as a file that can be opened as often as needed."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import weakref
from typing import TYPE_CHECKING

from nanlog.errors import UnreadableError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Standard input up to this size stays in memory; more goes to a temporary file.
_IN_MEMORY = 16 << 20


class StandardInput:
    """Calling it opens standard input from its beginning; it is read, once, at the first call."""

    def __init__(self) -> None:
        self._spool: tempfile.SpooledTemporaryFile[bytes] | None = None

    def __call__(self) -> io.RawIOBase:
        if self._spool is None:
            self._spool = _spooled()
            weakref.finalize(self, self._spool.close)
        return _View(self._spool)


class _View(io.RawIOBase):
    """Reads a file that others read too: its position is its own."""

    def __init__(self, file: tempfile.SpooledTemporaryFile[bytes]) -> None:
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only positions from the beginning")
        self._position = offset
        return offset

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._file.seek(self._position)
        count = self._file.readinto(buffer)
        self._position += count
        return count


def _spooled() -> tempfile.SpooledTemporaryFile[bytes]:
    if sys.stdin is None:
        raise UnreadableError("cannot read standard input: it is closed; name a log file or pipe a log in")
    spool = tempfile.SpooledTemporaryFile[bytes](_IN_MEMORY)
    try:
        shutil.copyfileobj(sys.stdin.buffer, spool, 1 << 20)
    except OSError as error:
        spool.close()
        where = tempfile.gettempdir()
        raise UnreadableError(
            f"cannot read standard input: {error.strerror or error} (it is kept in {where} meanwhile); "
            "save the log in a file and name that"
        ) from error
    return spool
