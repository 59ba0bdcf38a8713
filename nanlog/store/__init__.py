"""What was read from a log: gathered into a :class:`nanlog.model.Run`, and kept on disk.

In the order of the data: ``collect`` with ``columns`` and ``attempts``; ``tables`` with ``arrow``; ``runs`` and
``entries`` with ``parquet``, ``identity`` and ``folders``; ``export``.
"""

from __future__ import annotations

from nanlog.frames import to_frame

from .collect import collect
from .entries import Damaged, StoredRun, Summary, contents, find, latest, list_runs
from .runs import forget, id_in, load, load_both, load_replay, load_report, save, save_replay, store_root

__all__ = [
    "Damaged",
    "StoredRun",
    "Summary",
    "collect",
    "contents",
    "find",
    "forget",
    "id_in",
    "latest",
    "list_runs",
    "load",
    "load_both",
    "load_replay",
    "load_report",
    "save",
    "save_replay",
    "store_root",
    "to_frame",
]
