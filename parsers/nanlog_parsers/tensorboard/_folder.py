"""Which directories of event files tell of one training.

TensorBoard knows directories (it calls each a run) and tags.  One training may write several directories: Keras writes
``train`` and ``validation``, a second SummaryWriter ``exp1_val``, ``add_scalars`` one for each key, ``add_hparams`` one
for what the training ended with, each process one of its own.  Directories beside each other that hold the same tags
are different trainings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import PurePath

from nanlog.model import Source
from nanlog_parsers._names import words

from ._head import read_head
from ._training import TRAIN, Directory, Parts, Training

__all__ = ["directories"]

_VALIDATION = {"val", "valid", "validation", "eval", "evaluation"}
_TEST = {"test", "testing", "dev"}
#: ``rank3``, ``exp1_worker_0``
_RANK = re.compile(r"(?P<rest>.{0,200}?)[-_.]?(?:rank|worker|process|proc)[-_]?(?P<rank>[0-9]{1,5})", re.IGNORECASE)


def directories(source: Source) -> list[Directory]:
    """The directories of a source with their files, those of the training that is judged first.

    Of several trainings that is the one in the folder itself, else the newest.
    """
    by_path: dict[Parts, list[str]] = {}
    for file in source.files:
        by_path.setdefault(PurePath(file).parent.parts, []).append(file)
    common = _common(by_path)
    found = {path[len(common) :]: _directory(source, path[len(common) :], files) for path, files in by_path.items()}
    for each in found.values():
        _find_owner(each, found)
    own = [each for each in found.values() if not (each.key or each.is_session)]
    _find_ranks(own)
    _find_splits([each for each in own if not each.rank])
    if list(found) == [()] and common and _says_validation(common[-1]):
        found[()].split = "val"
    trainings = _trainings(found.values())
    for training in trainings:
        training.claim()
    return [member for training in trainings for member in training.members]


def _directory(source: Source, parts: Parts, files: list[str]) -> Directory:
    ends = dict.fromkeys((files[0], files[-1]))
    return Directory(parts, files, read_head(source.head(file) for file in ends), _stem(parts)[0])


def _common(paths: Iterable[Parts]) -> Parts:
    """What all paths begin with."""
    first, *others = paths or [()]
    for place, part in enumerate(first):
        if any(place >= len(other) or other[place] != part for other in others):
            return first[:place]
    return first


def _find_owner(each: Directory, found: Mapping[Parts, Directory]) -> None:
    """Recognise what ``add_scalars`` and ``add_hparams`` made."""
    parts = each.parts
    if parts and each.head.is_session and parts[:-1] in found:
        each.owner, each.is_session = _whole(parts[:-1]), True
    elif len(each.head.tags) == 1:
        tag = next(iter(each.head.tags))
        # torch writes <tag with _ for />_<key>, tensorboardX <tag>/<key>
        for place, begin in product(range(len(parts)), (tag.replace("/", "_") + "_", tag + "/")):
            rest = "/".join(parts[place:])
            if rest.startswith(begin) and rest != begin:
                each.owner, each.key = _whole(parts[:place]), rest[len(begin) :]
                return


def _find_ranks(own: list[Directory]) -> None:
    """Recognise directories that differ in the number of a process."""
    named = [(each, each.parts and _RANK.fullmatch(each.parts[-1])) for each in own]
    ranks = [(each, (*each.parts[:-1], match["rest"]), int(match["rank"])) for each, match in named if match]
    for each, stem, rank in ranks:
        if any(other == stem and number != rank for _, other, number in ranks):
            each.owner, each.rank = _whole(stem if stem[-1] else stem[:-1]), rank


def _find_splits(own: list[Directory]) -> None:
    """Recognise ``validation`` beside ``train``, ``exp1_val`` beside ``exp1``.

    A directory may be called ``test`` for any reason, so that only counts beside another one.
    """
    stems = {each: _stem(each.parts) for each in own}
    trained = {stem for stem, split in stems.values() if not split}
    for each, (stem, split) in stems.items():
        if split and not (stem in trained or _says_validation(each.parts[-1])):
            each.owner = _whole(each.parts)
        else:
            each.owner, each.split = stem, split


def _says_validation(name: str) -> bool:
    found = words(name)
    return bool(found) and set(found) <= _VALIDATION


def _stem(parts: Parts) -> tuple[Parts, str]:
    """The path without the words for a part of the data in its last name, and the evaluation set these name."""
    if not parts:
        return (), ""
    found = words(parts[-1])
    split = "val" if set(found) & _VALIDATION else "test" if set(found) & _TEST else ""
    rest = "_".join(word for word in found if word not in TRAIN | _VALIDATION | _TEST)
    return (*parts[:-1], rest) if rest else parts[:-1], split


def _whole(parts: Parts) -> Parts:
    """A path the way :func:`_stem` writes one, with all words of its last name."""
    return (*parts[:-1], "_".join(words(parts[-1]))) if parts else ()


def _trainings(found: Iterable[Directory]) -> list[Training]:
    by_owner: dict[Parts, Training] = {}
    for each in found:
        by_owner.setdefault(each.owner, Training(each.stream)).members.append(each)
    order = sorted(by_owner, key=lambda owner: (bool(owner), -by_owner[owner].begins))
    kept: list[Training] = []
    for training in (by_owner[owner] for owner in order):
        same = next((other for other in kept if not other.tags & training.tags), None)
        if same is None:
            kept.append(training)
        else:
            same.members += training.members
    if kept:
        kept[0].label = ""
    return kept
