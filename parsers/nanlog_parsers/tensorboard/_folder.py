"""Which directories of event files tell of one training, and what their tags are called in it.

TensorBoard knows directories (it calls each a run) and tags.  One training may write several directories: Keras writes
``train`` and ``validation``, a second SummaryWriter ``exp1_val``, ``add_scalars`` one for each key, ``add_hparams`` one
for what the training ended with.  Directories beside each other that hold the same tags are different trainings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import PurePath

from nanlog.model import Phase, SeriesInfo, Source, Stage
from nanlog_parsers._names import Names, words

from ._head import Head, read_head

__all__ = ["Directory", "directories"]

Parts = tuple[str, ...]

_TRAIN = {"train", "training"}
_VALIDATION = {"val", "valid", "validation", "eval", "evaluation"}
_TEST = {"test", "testing", "dev"}
_GRADIENT = {"grad", "grads", "gradient", "gradients"}
_PARAMETER = {"weight", "weights", "param", "params", "parameter", "parameters"}
_ACTIVATION = {"activation", "activations", "output", "outputs", "logits", "act"}


@dataclass(eq=False)
class _Training:
    """Directories that tell of one training; ``label`` tells it from the others, "" for the one that is judged."""

    label: str = ""
    members: list[Directory] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    _owners: dict[str, Directory] = field(default_factory=dict)

    def own(self, info: SeriesInfo, asked_by: Directory) -> SeriesInfo:
        """``info`` under a name that no other training and no other directory has."""
        name = f"{info.name}/{self.label}" if self.label else info.name
        if self._owners.setdefault(name, asked_by) is not asked_by:
            name = f"{name}/{asked_by.stream}"
            self._owners.setdefault(name, asked_by)
        return info if name == info.name else replace(info, name=name)

    @property
    def begins(self) -> float:
        return max(member.head.time for member in self.members)

    @property
    def tags(self) -> set[tuple[str, str, str]]:
        return {(tag, member.split, member.key) for member in self.members for tag in member.head.tags}


@dataclass(eq=False)
class Directory:
    """The event files of one directory, in the order written, and what its tags are called.

    ``parts`` is its path below the folder that was given, ``owner`` that of the training it belongs to; ``split`` is
    the evaluation set it was measured on.  ``key`` is the one that ``add_scalars`` made the directory for.
    """

    parts: Parts
    files: list[str]
    head: Head
    owner: Parts
    split: str = ""
    key: str = ""
    is_session: bool = False
    training: _Training = field(default_factory=_Training)
    _infos: dict[tuple[str, bool], SeriesInfo] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        return "/".join(self.parts) or "."

    def info(self, tag: str) -> SeriesInfo:
        """What the scalars of a tag are."""
        if (tag, False) not in self._infos:
            self._infos[tag, False] = self._named(tag)
        return self._infos[tag, False]

    def elements(self, tag: str) -> SeriesInfo:
        """What the share of non-finite elements in the histograms of a tag is."""
        if (tag, True) not in self._infos:
            self._infos[tag, True] = self._histogram(tag)
        return self._infos[tag, True]

    def _named(self, tag: str) -> SeriesInfo:
        names = self.training.names
        if self.is_session:
            name = tag.removeprefix("hparam/")
            info = SeriesInfo(f"metric/{name}/final", tag, Stage.SUMMARY)
        elif self.key:
            info = names.info(f"{tag}/{self.key}")
        else:
            info = names.info(tag, split="" if _TRAIN & set(words(tag)) else self.split)
        return self.training.own(info, self)

    def _histogram(self, tag: str) -> SeriesInfo:
        found = set(words(tag))
        if found & _GRADIENT:
            stage, phase = Stage.BACKWARD, Phase.BACKWARD
        elif found & _ACTIVATION:
            stage, phase = Stage.FORWARD, Phase.FORWARD
        else:
            stage, phase = Stage.UPDATE, Phase.UPDATE
        kind, _, rest = tag.partition("/")
        layer = rest if rest and set(words(kind)) & (_GRADIENT | _PARAMETER | _ACTIVATION) else tag
        info = SeriesInfo(f"nonfinite/{tag}", tag, stage, phase=phase, layer=layer)
        return self.training.own(info, self)


def directories(source: Source) -> list[Directory]:
    """The directories of a source with their files, those of the training that is judged first.

    Of several trainings that is the one in the folder itself, else the newest.
    """
    by_parts: dict[Parts, list[str]] = {}
    for file in source.files:
        by_parts.setdefault(PurePath(file).parent.parts, []).append(file)
    common = _common(list(by_parts))
    found = {parts[common:]: _directory(source, parts[common:], files) for parts, files in by_parts.items()}
    for each in found.values():
        _find_owner(each, found)
    name = next(iter(by_parts), ())[common - 1 : common]
    _find_splits(found, name[0] if name else "")
    trainings = _trainings(found.values())
    for training in trainings:
        for member in training.members:
            member.training = training
            if not (member.split or member.key or member.is_session):
                training.names.claim(member.head.tags)
    return [member for training in trainings for member in training.members]


def _directory(source: Source, parts: Parts, files: list[str]) -> Directory:
    ends = dict.fromkeys((files[0], files[-1]))
    return Directory(parts, files, read_head(source.head(file) for file in ends), parts)


def _common(paths: list[Parts]) -> int:
    """How many parts all paths begin with."""
    shortest = min(map(len, paths), default=0)
    levels = zip(*paths, strict=False)
    return next((place for place, parts in enumerate(levels) if len(set(parts)) > 1), shortest)


def _find_owner(each: Directory, found: dict[Parts, Directory]) -> None:
    """Recognise what ``add_scalars`` and ``add_hparams`` made."""
    parts = each.parts
    if parts and each.head.is_session and parts[:-1] in found:
        each.owner, each.is_session = _stem(parts[:-1])[0], True
    elif len(each.head.tags) == 1:
        tag = next(iter(each.head.tags))
        # torch writes <tag with _ for />_<key>, tensorboardX <tag>/<key>
        for place, begin in product(range(len(parts)), (tag.replace("/", "_") + "_", tag + "/")):
            rest = "/".join(parts[place:])
            if rest.startswith(begin) and rest != begin:
                each.owner, each.key = _stem(parts[:place])[0], rest[len(begin) :]
                return


def _find_splits(found: dict[Parts, Directory], name: str) -> None:
    """Recognise ``validation`` beside ``train``, ``exp1_val`` beside ``exp1``.

    A directory may be called ``test`` for any reason, so that only counts beside another one; ``name`` is that of the
    folder itself.
    """
    own = [each for each in found.values() if not (each.key or each.is_session)]
    trained = {_stem(each.parts)[0] for each in own if not _stem(each.parts)[1]}
    for each in own:
        stem, split = _stem(each.parts)
        if split and not (stem in trained or _says_validation(each.parts[-1])):
            stem, split = _whole(each.parts), ""
        each.owner, each.split = stem, split
    if list(found) == [()] and _says_validation(name):
        found[()].split = "val"


def _whole(parts: Parts) -> Parts:
    """A path the way :func:`_stem` writes one, with all words of its last name."""
    return (*parts[:-1], "_".join(words(parts[-1])))


def _says_validation(name: str) -> bool:
    found = words(name)
    return bool(found) and set(found) <= _VALIDATION


def _stem(parts: Parts) -> tuple[Parts, str]:
    """The path without the words for a part of the data in its last name, and the evaluation set these name."""
    if not parts:
        return (), ""
    found = words(parts[-1])
    split = "val" if set(found) & _VALIDATION else "test" if set(found) & _TEST else ""
    rest = "_".join(word for word in found if word not in _TRAIN | _VALIDATION | _TEST)
    return (*parts[:-1], rest) if rest else parts[:-1], split


def _trainings(found: Iterable[Directory]) -> list[_Training]:
    by_owner: dict[Parts, _Training] = {}
    for each in found:
        by_owner.setdefault(each.owner, _Training(each.stream)).members.append(each)
    order = sorted(by_owner, key=lambda owner: (bool(owner), -by_owner[owner].begins))
    kept: list[_Training] = []
    for training in (by_owner[owner] for owner in order):
        same = next((other for other in kept if not other.tags & training.tags), None)
        if same is None:
            kept.append(training)
        else:
            same.members += training.members
    if kept:
        kept[0].label = ""
    return kept
