"""The name a run has in the store: ``lr0.1-train-6eqixpau``.

The end, a hash of where the log lies, is what the run is known by; what stands before it is for people.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import PurePath

from nanlog.model import Run

__all__ = ["id_of_path", "is_run_id", "run_id_of", "same_source"]

_ENDINGS = re.compile(r"(\.(log|txt|out|err|json|jsonl|csv|tsv|gz|bz2|xz|zst))+$", re.IGNORECASE)
_RUN_ID = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_HASH = re.compile(r"-[a-z2-7]{8}$")
#: What half of all logs and their folders are called; the folder above tells such runs apart.
_COMMON = re.compile(
    r"train(ing|er)?([-_ ]?(log|state))?|logs?|output|stdout|stderr|nohup|slurm|console"
    r"|metrics|history|results?|scalars?|tensorboard|(version|run|trial|job|rank|fold|seed|checkpoint|events)?[-_.]?\d*",
    re.IGNORECASE,
)
#: Folders that everybody has: they say nothing about a run.
_EVERYWHERE = re.compile(
    r"(lightning_|tb_|train_|sample_)?(logs?|runs?|out(puts?)?|results?|checkpoints?|experiments?|mlruns|tensorboard|files)"
    r"|tmp|temp|home|root|data|mnt|workspace|src",
    re.IGNORECASE,
)
_LONGEST = 40  #: characters before the hash
_FARTHEST = 4  #: folders looked at


def run_id_of(run: Run) -> str:
    """A short name that stays the same while the log grows.

    It is made of the source's name, with a folder above it where that name is common, and of a hash: of the source's
    path or, for standard input, of what the log says up to its first point.
    """
    if run.source == "-":
        return f"stdin-{_hash(repr(_beginning(run)))}"
    return id_of_path(run.source)


def id_of_path(source: str) -> str:
    """The name of what is read from a path; nothing needs to be there any more."""
    path = os.path.realpath(source)
    return f"{_slug(PurePath(path))}-{_hash(path)}"


def is_run_id(word: str) -> bool:
    """Whether ``word`` can be the name of a run; nothing that leads out of a folder is."""
    return _RUN_ID.fullmatch(word) is not None


def same_source(run_id: str, other: str) -> bool:
    """Whether two names are of one log, however each of them begins."""
    one, two = _HASH.search(run_id), _HASH.search(other)
    return one is not None and two is not None and one[0] == two[0]


def _slug(path: PurePath) -> str:
    own = _plain(_stem(path)) or "run"
    above = "-".join(word for word in map(_plain, _above(path)) if word and word != own)
    room = max(_LONGEST - len(own) - 1, _LONGEST // 2)
    together = f"{above[:room].strip('.-')}-{own}" if above else own
    return together[:_LONGEST].strip(".-")


def _above(path: PurePath) -> list[str]:
    """The nearest folder whose name says more than that of the log, and the number of the run below it.

    Nothing where the log's own name says enough.
    """
    if not _COMMON.fullmatch(_stem(path)):
        return []
    numbered: list[str] = []
    for folder in path.parents[:_FARTHEST]:
        if not (_COMMON.fullmatch(folder.name) or _EVERYWHERE.fullmatch(folder.name)):
            return [folder.name, *numbered]
        if not numbered and folder.name[-1:].isdecimal():
            numbered.append(folder.name)
    return numbered


def _stem(path: PurePath) -> str:
    return _ENDINGS.sub("", path.name)


def _plain(name: str) -> str:
    """What of a name can stand in a run's: ``lr=0.1`` becomes ``lr0.1``, as it is said."""
    spoken = re.sub(r"(?<=[a-z])[=_](?=[0-9])", "", name.lower())
    return re.sub(r"(?:[^a-z0-9.]|\.(?![0-9])|(?<![0-9])\.)+", "-", spoken).strip("-")


def _hash(identity: str) -> str:
    digest = hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=5).digest()
    return base64.b32encode(digest).decode().lower()


def _beginning(run: Run) -> list[object]:
    firsts = (
        (int(series.line[0]), name, int(series.step[0]), float(series.value[0]), *(series.time or ())[:1])
        for name, series in run.table.items()
        if len(series)
    )
    first = min(firsts, default=(0,))
    return [run.parser, first, [(fact.key, fact.value) for fact in run.facts if fact.line <= first[0]]]
