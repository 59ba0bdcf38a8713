"""What was read from a log: gathered into a :class:`nanlog.model.Run`, and kept on disk.

In the order of the data: ``collect`` with ``columns`` and ``attempts``; ``tables`` with ``arrow``; ``runs`` with
``parquet``, ``identity`` and ``folders``; ``frames``.
"""

from __future__ import annotations

from .collect import collect
from .frames import to_frame
from .runs import StoredRun, latest, list_runs, load, load_report, save, store_root

__all__ = ["StoredRun", "collect", "latest", "list_runs", "load", "load_report", "save", "store_root", "to_frame"]
