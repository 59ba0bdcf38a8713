"""The name a run has in the store."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import Path

from nanlog.model import Run

_ENDINGS = re.compile(r"(\.(log|txt|out|err|json|jsonl|csv|gz|bz2|xz|zst))+$", re.IGNORECASE)
_RUN_ID = re.compile(r"[a-z0-9-]+")


def run_id_of(run: Run) -> str:
    """A short name that stays the same while the log grows.

    It is made of the source's name and a hash: of the source's path, or, for standard input, of what the log says up to
    its first point.
    """
    if run.source == "-":
        stem, identity = "stdin", repr(_beginning(run))
    else:
        identity = os.path.realpath(run.source)
        stem = _ENDINGS.sub("", Path(identity).name)
    slug = re.sub(r"[^a-z0-9]+", "-", stem.lower())[:40].strip("-") or "run"
    digest = hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=5).digest()
    return f"{slug}-{base64.b32encode(digest).decode().lower()}"


def is_run_id(word: str) -> bool:
    """Whether ``word`` can be the name of a run; a path never is."""
    return _RUN_ID.fullmatch(word) is not None


def _beginning(run: Run) -> list[object]:
    firsts = (
        (int(series.line[0]), name, int(series.step[0]), float(series.value[0]), *(series.time or ())[:1])
        for name, series in run.table.items()
        if len(series)
    )
    first = min(firsts, default=(0,))
    return [run.parser, first, [(fact.key, fact.value) for fact in run.facts if fact.line <= first[0]]]
