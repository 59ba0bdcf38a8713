"""Where a run is read from: a file, compressed or not, a folder, or standard input.

``open_source`` gives a :class:`nanlog.model.Source`.  Text is streamed in pieces of about two
mebibytes cut at line ends::

    files/stdin -> compression -> text (UTF-8, cut at line ends) -> Piece

``quoted_lines`` reads single lines again, to quote them.
"""

from __future__ import annotations

from .logs import LogSource, open_source
from .quotes import quoted_lines

__all__ = ["LogSource", "open_source", "quoted_lines"]
