"""What comes from a log or a file name is data; see :mod:`nanlog.printable`."""

from __future__ import annotations

from nanlog.printable import NAME_LIMIT, SENTENCE_LIMIT, printable

__all__ = ["NAME_LIMIT", "SENTENCE_LIMIT", "printable"]
