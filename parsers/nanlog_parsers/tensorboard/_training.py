"""What the tags of the directories of one training are called."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from nanlog.model import Phase, SeriesInfo, Stage
from nanlog_parsers._names import Names, words

from ._head import Head

__all__ = ["ACTIVATION", "GRADIENT", "TRAIN", "Directory", "Parts", "Training"]

Parts = tuple[str, ...]

TRAIN = {"train", "training"}
GRADIENT = {"grad", "grads", "gradient", "gradients"}
ACTIVATION = {"activation", "activations", "output", "outputs", "logits", "act"}
_PARAMETER = {"weight", "weights", "param", "params", "parameter", "parameters"}

#: What Keras writes: means over an epoch, whose step is the epoch; with ``update_freq`` also those up to a batch, whose
#: step is the batch; and at the end of each epoch a validation, whose step is the batch.
_EPOCH, _BATCH = "epoch_", "batch_"
_VALIDATED, _BY_BATCH = "evaluation_", "_vs_iterations"
#: A rate does not change what it is when it is looked at once an epoch.
_RATES = ("epoch_lr", "epoch_learning_rate")


@dataclass(eq=False)
class Training:
    """Directories that tell of one training; ``label`` tells it from the others, "" for the one that is judged."""

    label: str = ""
    members: list[Directory] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    _owners: dict[str, tuple[Directory, str]] = field(default_factory=dict)

    @property
    def begins(self) -> float:
        return max(member.head.time for member in self.members)

    @property
    def tags(self) -> set[tuple[str, str, str, int]]:
        """What must not occur twice in one training."""
        return {(tag, each.split, each.key, each.rank) for each in self.members for tag in each.head.tags}

    @property
    def is_by_batch(self) -> bool:
        """Whether Keras wrote the training loss by batches too."""
        return self._has(_BATCH)

    @property
    def is_by_epoch(self) -> bool:
        """Whether Keras wrote the training loss by epochs alone."""
        return self._has(_EPOCH) and not self._has(_BATCH)

    def _has(self, prefix: str) -> bool:
        return any(tag.startswith(prefix) for member in self.members for tag in member.head.tags)

    def claim(self) -> None:
        """Let the best name of each quantity have the plain one, as far as the tags are known yet."""
        ranks = [member.rank for member in self.members]
        for member in self.members:
            member.training = self
            member.is_first_rank = member.rank == min(ranks)
            if not (member.split or member.key or member.is_session):
                self.names.claim(tag for tag in member.head.tags if not member.dated_otherwise(tag))

    def own(self, info: SeriesInfo, tag: str, asked_by: Directory) -> SeriesInfo:
        """``info`` under a name that no other training, no other directory and no other tag has."""
        name = f"{info.name}/{self.label}" if self.label else info.name
        owner = (asked_by, tag)
        for rest in ("", f"/{asked_by.stream}", f"/{asked_by.stream}/{tag}"):
            if self._owners.setdefault(name + rest, owner) == owner:
                return replace(info, name=name + rest) if name + rest != info.name else info
        return replace(info, name=f"{name}/{asked_by.stream}/{tag}")


@dataclass(eq=False)
class Directory:
    """The event files of one directory, in the order written, and what its tags are called.

    ``parts`` is its path below the folder that was given, ``owner`` that of the training it belongs to.  ``split`` is
    the evaluation set it was measured on, ``key`` the one that ``add_scalars`` made the directory for, ``is_session``
    says that ``add_hparams`` did.
    """

    parts: Parts
    files: list[str]
    head: Head
    owner: Parts
    split: str = ""
    key: str = ""
    rank: int = 0
    is_session: bool = False
    is_first_rank: bool = True
    training: Training = field(default_factory=Training)
    _infos: dict[tuple[str, bool], SeriesInfo] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        return "/".join(self.parts) or "."

    def info(self, tag: str, is_histogram: bool = False) -> SeriesInfo:
        """What the scalars of a tag are; of histograms the share of elements that are not finite."""
        key = tag, is_histogram
        if key not in self._infos:
            info = _elements(tag) if is_histogram else self._scalars(tag)
            if not self.is_first_rank:
                info = replace(info, name=f"rank{self.rank}/{info.name}")
            self._infos[key] = self.training.own(info, tag, self)
        return self._infos[key]

    def dated_otherwise(self, tag: str) -> str:
        """A name for a tag whose steps are epochs although those of the training loss are batches, or the reverse.

        "" for all other tags.  These say nothing that another tag does not say in the right unit.
        """
        if tag.startswith(_EPOCH) and not tag.startswith(_RATES) and self.training.is_by_batch:
            return f"metric/{tag.removeprefix(_EPOCH)}/by_epoch"
        if tag.startswith(_VALIDATED) and tag.endswith(_BY_BATCH) and self.training.is_by_epoch:
            return f"metric/{tag.removeprefix(_VALIDATED).removesuffix(_BY_BATCH)}/by_batch"
        return ""

    def _scalars(self, tag: str) -> SeriesInfo:
        split = "" if TRAIN & set(words(tag)) else self.split
        if self.is_session:  # the step says nothing: the values are those at the end
            return SeriesInfo(f"metric/{tag.removeprefix('hparam/')}/final", tag)
        if name := self.dated_otherwise(tag):
            return SeriesInfo(f"val/{name}", tag) if split else SeriesInfo(name, tag, smoothed=True)
        return self.training.names.info(f"{tag}/{self.key}" if self.key else tag, split=split)


def _elements(tag: str) -> SeriesInfo:
    """The name says what the elements are: ``gradients/fc.weight``, ``activations/conv1``; else they are parameters."""
    found = set(words(tag))
    if found & GRADIENT:
        stage, phase = Stage.BACKWARD, Phase.BACKWARD
    elif found & ACTIVATION:
        stage, phase = Stage.FORWARD, Phase.FORWARD
    else:
        stage, phase = Stage.UPDATE, Phase.UPDATE
    kind, _, rest = tag.partition("/")
    layer = rest if rest and set(words(kind)) & (GRADIENT | _PARAMETER | ACTIVATION) else tag
    return SeriesInfo(f"nonfinite/{tag}", tag, stage, phase=phase, layer=layer)
