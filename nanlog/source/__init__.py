"""Where a run is read from: a file, compressed or not, a folder, or standard input.

``open_source`` gives a :class:`nanlog.model.Source`.  Text is streamed in pieces of about two
mebibytes cut at line ends::

    files/stdin -> compression -> text (UTF-8, cut at line ends) -> Piece
"""

from __future__ import annotations

from .logs import LogSource, open_source

__all__ = ["LogSource", "open_source"]
