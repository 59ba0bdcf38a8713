"""What a framework or a user calls a series -> the names of :mod:`nanlog.model`.

Nobody agrees on names: the training loss is ``loss``, ``train/total_loss``, ``Loss/train``, ``objective`` or ``nll``.
A name is cut into words; the words say which quantity it is, on which data it was measured, and whether it is an
average.  What is left over tells several of one kind apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

from nanlog.model import Phase, SeriesInfo, Stage
from nanlog_parsers._layers import OfLayer, layer_of, of_layer

__all__ = ["Names", "run_and_name", "words"]

#: Longer names are cut: they come from lines that are no names at all.
_LONGEST = 200

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_0-9]+", re.ASCII)

_TRAIN = {"train", "training", "trn", "tr"}
_EVALUATION = {"val", "valid", "validation", "eval", "evaluation", "dev", "heldout"}
_TEST = {"test", "testing"}
_DATA = _TRAIN | _EVALUATION | _TEST
_AVERAGED = {"epoch", "avg", "average", "mean", "running", "smooth", "smoothed", "ema"}
#: Say that a number belongs to one step, not what it is.
_OF_A_STEP = {
    "step",
    "batch",
    "iter",
    "iteration",
    "per",
    "iterations",
    "vs",
    "current",
    "cur",
    "raw",
    "unsmoothed",
    "minibatch",
}

_LOSS = {"loss", "losses", "objective", "criterion", "elbo", "nelbo", "nll", "cost", "logloss"}
#: Beside a loss word: still the whole loss, not one of its parts.
_WHOLE = {"total", "overall", "sum", "full", "all", "lm", "main", "final", "combined", "global"}
#: Behind a loss word these add nothing; the loss of a value function is a part.
_ITS_VALUE = {("function",), ("value",), ("function", "value")}
#: The cost of these is time.
_OF_THE_CLOCK = {"reader", "batch", "time", "data", "forward", "backward"}
#: Metrics that are minimised: in a log without any loss the first of them is taken for it.
_MINIMISED = (
    *("crossentropy", "softmaxcrossentropy", "categoricalcrossentropy", "sparsecategoricalcrossentropy"),
    *("binarycrossentropy", "xent", "ce", "bce", "mlogloss", "binarylogloss", "negativeloglikelihood"),
    *("negloglikelihood", "loglikelihood", "kl", "kld", "kldivergence", "mse", "meansquarederror", "rmse"),
    *("rootmeansquarederror", "mae", "meanabsoluteerror", "msle", "rmsle", "mape", "smape", "huber", "smoothl"),
    *("hinge", "perplexity", "ppl", "error", "err", "l"),
)
#: What a program calls the errors of these two are losses: ``errD``, ``errG``.
_ADVERSARIES = {"d", "g", "disc", "gen", "discriminator", "generator"}
#: Settings of a loss, and numbers about it, which are not its value.
_NOT_ITS_VALUE = {
    "weight",
    "weights",
    "coef",
    "coeff",
    "lambda",
    "ratio",
    "improvement",
    "delta",
    "best",
    "min",
    "time",
}

_GRADIENT = {"grad", "grads", "gradient", "gradients"}
_RATE = {"lr", "learning", "rate", "learningrate"}
_PARAMETER = {"param", "params", "parameter", "parameters", "weight", "weights"}
_NORM = {"norm", "norms", "l2"}


#: What an optimizer keeps for each parameter: ``exp_avg``.
_OF_THE_OPTIMIZER = {"exp", "momentum", "moment"}


class _Kind(IntEnum):
    """Quantities; of two names for one quantity the one with the lower kind has the better claim."""

    LOSS = 0
    LOSS_BY_ANOTHER_NAME = 1
    LOSS_PART = 2
    LOSS_AVERAGE = 3
    RATE = 4
    GRADIENT = 5
    LOSS_SCALE = 6
    PARAMETERS = 7
    UPDATES = 8
    OF_LAYER = 9
    METRIC = 10


_LOSSES = {_Kind.LOSS, _Kind.LOSS_BY_ANOTHER_NAME}

#: Kind -> name, stage, phase, whether it is a statistic that may overflow before its elements do.
_QUANTITY: dict[_Kind, tuple[str, Stage, Phase | None, bool]] = {
    _Kind.LOSS: ("loss", Stage.LOSS, Phase.FORWARD, False),
    _Kind.LOSS_BY_ANOTHER_NAME: ("loss", Stage.LOSS, Phase.FORWARD, False),
    _Kind.LOSS_PART: ("loss", Stage.LOSS, Phase.FORWARD, False),
    _Kind.LOSS_AVERAGE: ("loss_smoothed", Stage.SUMMARY, Phase.FORWARD, False),
    _Kind.RATE: ("lr", Stage.LR, Phase.LR, False),
    _Kind.GRADIENT: ("grad_norm", Stage.GRADIENT, Phase.BACKWARD, True),
    _Kind.LOSS_SCALE: ("loss_scale", Stage.SUMMARY, None, False),
    _Kind.PARAMETERS: ("param_norm", Stage.UPDATE, Phase.UPDATE, True),
    _Kind.UPDATES: ("update_norm", Stage.UPDATE, Phase.UPDATE, True),
    _Kind.METRIC: ("metric", Stage.SUMMARY, None, False),
}
#: Several of these are told apart by what is left of their names; of all others the first keeps the plain name.
_ALWAYS_WITH_REST = {_Kind.LOSS_PART, _Kind.METRIC}
#: A second one of these is told as a metric.
_ONE_OF_A_KIND = {_Kind.LOSS_AVERAGE, _Kind.LOSS_SCALE, _Kind.PARAMETERS, _Kind.UPDATES}
_ONE_ONLY = re.compile(r"(?=(?:loss_smoothed|loss_scale|param_norm|update_norm)$)")
#: What is told of single layers -> where in a step it arises.
_OF_LAYERS = {
    "activation": (Stage.FORWARD, Phase.FORWARD),
    "grad": (Stage.BACKWARD, Phase.BACKWARD),
    "update": (Stage.UPDATE, Phase.UPDATE),
    "param": (Stage.UPDATE, Phase.UPDATE),
}
_UNNAMED = "unnamed"


def words(original: str) -> list[str]:
    """The words of a name in lower case: ``trainLoss_step`` is train, loss, step.

    >>> words("lr-SGD/pg1")
    ['lr', 'sgd', 'pg', '1']
    """
    return [word.lower() for word in _WORD.findall(original[:_LONGEST])]


@dataclass(frozen=True, slots=True)
class _Meaning:
    kind: _Kind
    rest: str
    data: str  #: "" for training data, else a word of the evaluation set
    averaged: bool
    of: OfLayer | None = None


class Names:
    """The names of one log: the same original name is the same series, and no two originals share one.

    Without :meth:`claim` the first of several names for one quantity gets the plain name (``loss``), the others get
    their own behind it (``loss/total_loss``).
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, bool], SeriesInfo] = {}
        self._taken: set[str] = set()
        self._sets: dict[str, int] = {}
        self._stand_in: str | None = None
        self._first_run = ""
        self._other_runs: dict[str, Names] = {}

    def claim(self, originals: Iterable[str]) -> None:
        """Name all these at once, the best name of each quantity first: for logs with a header."""
        for original in sorted(dict.fromkeys(originals), key=_claim):
            self.info(original)

    def let_stand_in(self, originals: Iterable[str]) -> None:
        """Where no training series is called a loss, the first metric that is minimised is it: ``xent``, ``rmse``.

        ``originals`` are the names of all series that are not known to be of an evaluation; to be called before these
        are named.
        """
        trained = [original for original in dict.fromkeys(originals) if not _meaning(original).data]
        if not any(_meaning(original).kind <= _Kind.LOSS_AVERAGE for original in trained):
            likely = [original for original in trained if _likeness(original) < len(_MINIMISED)]
            self._stand_in = min(likely, key=_likeness, default=None)

    def info(self, original: str, *, split: str = "", smoothed: bool = False) -> SeriesInfo:
        """What the series called ``original`` is.

        ``split`` names the data it was measured on where that stands elsewhere (``val``, ``test``; "" where the name
        itself tells), ``smoothed`` says that it is known to be a running average.
        """
        key = (original, split, smoothed)
        if (known := self._known.get(key)) is None:
            known = self._known[key] = self._named(original, split, smoothed)
        return known

    def _named(self, original: str, split: str, smoothed: bool) -> SeriesInfo:
        run, plain = run_and_name(original)
        if run and not self._first_run:
            self._first_run = run
        if run not in ("", self._first_run):
            info = self._other_runs.setdefault(run, Names()).info(plain, split=split, smoothed=smoothed)
            name = f"{_ONE_ONLY.sub('metric/', info.name)}/{run}"
            return replace(info, name=self._free(name, run, name), original=original)
        meaning = _meaning(original)
        kind = meaning.kind
        if kind is _Kind.GRADIENT and "grad_norm" in self._taken and not meaning.data:
            # beside the norm of all gradients grads.norm is that of a layer called norm
            meaning = replace(meaning, of=of_layer(plain, norm_is_a_layer=True))
        if meaning.of is not None:
            return self._of_layer(original, meaning, meaning.of, split, smoothed=smoothed)
        averaged = (meaning.averaged or smoothed) and kind is not _Kind.RATE
        if original == self._stand_in and not split:
            kind, averaged = _Kind.LOSS_BY_ANOTHER_NAME, smoothed
        if averaged and kind in _LOSSES:
            kind = _Kind.LOSS_AVERAGE
        data = _evaluation_set(words(split)) or meaning.data
        base, stage, phase, statistic = _QUANTITY[kind]
        if data and kind is _Kind.LOSS_AVERAGE:
            base, averaged = "loss", False  # the mean over an evaluation set is its loss
        if data and kind not in (_Kind.RATE, _Kind.LOSS_SCALE):
            stage = Stage.EVALUATION_AFTER
            base = f"{self._evaluation(data)}/{base}"
        name = base if kind not in _ALWAYS_WITH_REST else f"{base}/{meaning.rest}"
        other = original if kind in _ALWAYS_WITH_REST else meaning.rest or original
        several = base if kind not in _ONE_OF_A_KIND else base.removesuffix(_QUANTITY[kind][0]) + "metric"
        name = self._free(name, other or _UNNAMED, several)
        # the parts of a loss are there before their sum
        rank = 1 if kind in _LOSSES else 0
        return SeriesInfo(name, original, stage, rank, phase, None, None, statistic, averaged)

    def _of_layer(self, original: str, meaning: _Meaning, of: OfLayer, split: str, *, smoothed: bool) -> SeriesInfo:
        """A series of one layer; two that would be called the same are told apart by what else their names say."""
        stage, phase = _OF_LAYERS[of.what]
        head = ""
        if data := _evaluation_set(words(split)) or meaning.data:
            head, stage = f"{self._evaluation(data)}/", Stage.EVALUATION_AFTER
        parameter = of.parameter
        name = f"{head}{of.quantity}/{parameter}"
        if name in self._taken and of.around:
            parameter = f"{of.around}/{parameter}"
            name = f"{head}{of.quantity}/{parameter}"
        if name in self._taken and of.guessed:
            name = f"{head}{of.what}_value/{parameter}"
        name, free = self._free(name, "", name), name
        layer = layer_of(parameter) if name == free else layer_of(parameter) + name[len(free) :]
        averaged = meaning.averaged or smoothed
        return SeriesInfo(name, original, stage, 0, phase, layer, None, True, averaged)

    def _evaluation(self, data: str) -> str:
        place = self._sets.setdefault(data, len(self._sets))
        return "val" if place == 0 else f"val{place}"

    def _free(self, name: str, rest: str, base: str) -> str:
        """``name``, or the first name behind ``base`` that no other series has."""
        place = 1
        while name in self._taken:
            behind = f"{base}/{rest}" if rest else base
            name = behind if place == 1 else f"{behind}~{place}"
            place += 1
        self._taken.add(name)
        return name


def _claim(original: str) -> tuple[int, bool, bool, int]:
    """Sorts the best name of a quantity first, and validation before the test set."""
    meaning = _meaning(original)
    guessed = meaning.of is not None and meaning.of.guessed
    if meaning.kind is _Kind.GRADIENT:  # grads.norm may be that of a layer
        guessed = of_layer(run_and_name(original)[1], norm_is_a_layer=True) is not None
    return meaning.kind, meaning.data == "test", guessed, len(words(run_and_name(original)[1]))


def _likeness(original: str) -> float:
    """How likely a metric is to be what was minimised; the less, the more likely."""
    aside = _TRAIN | _OF_A_STEP | (_AVERAGED - {"mean"})
    said = "".join(word for word in words(run_and_name(original)[1]) if word.isalpha() and word not in aside)
    name = said if said in _MINIMISED else said.removeprefix("mean")
    is_bare = set(words(original)) <= _TRAIN  # train 0.5 | val 0.6
    return _MINIMISED.index(name) if name in _MINIMISED else len(_MINIMISED) - is_bare / 2


def run_and_name(original: str) -> tuple[str, str]:
    """Weights & Biases exports ``<run> - <metric>``: the run, "" where there is none, and the metric."""
    run, _, name = original[:_LONGEST].rpartition(" - ")
    is_of_data = any(set(words(part)) <= _DATA for part in (run, name))  # "Loss - train", "Validation - loss"
    return ("", original[:_LONGEST]) if is_of_data else (run, name)


def _meaning(original: str) -> _Meaning:
    # beside each metric Weights & Biases exports the least and the greatest value of each interval
    original = run_and_name(original)[1]
    if original.endswith(("__MIN", "__MAX")):
        return _Meaning(_Kind.METRIC, original, _evaluation_set(words(original)), False)
    if (of := of_layer(original)) is not None:
        around = words(original.replace(of.parameter, " ", 1))  # a layer may be called test
        return _Meaning(_Kind.OF_LAYER, original, _evaluation_set(around), of.is_averaged, of)
    found = words(original)
    data = _evaluation_set(found)
    # Hugging Face's Trainer logs the mean over the whole training as train/train_loss when it ends
    averaged = any(word in _AVERAGED for word in found) or found[:2] == ["train", "train"]
    known = [word for word in found if word not in _DATA | _OF_A_STEP | _AVERAGED]
    kind, left = _kind(original, known, found)
    rest = left if isinstance(left, str) else "_".join(left)
    return _Meaning(kind, rest or original or _UNNAMED, data, averaged)


def _kind(original: str, known: list[str], found: list[str]) -> tuple[_Kind, list[str] | str]:
    """Which quantity, and the words (or the text) that tell it from others of its kind."""
    present = set(known)
    if {"l", "2"} <= present:  # l2_grads
        known = ["l2", *(word for word in known if word not in ("l", "2"))]
        present = set(known)
    if present & _GRADIENT or "gradnorm" in present or "gnorm" in present:
        return _gradient(original, known)
    if present in ({"global", "norm"}, {"total", "norm"}):  # as optax and torch.nn.utils.clip_grad_norm_ call it
        return _Kind.GRADIENT, []
    if _is_rate(known):
        return _Kind.RATE, [word for word in known if word not in _RATE]
    if ("scale" in present and present & (_LOSS | {"amp", "scaler", "fp"})) or present == {"lossscale"}:
        return _Kind.LOSS_SCALE, []
    if present & _PARAMETER and present & _NORM and not present & _OF_THE_OPTIMIZER:
        return _Kind.PARAMETERS, []
    if present & {"update", "updates"} and present & _NORM and not present & _LOSS:
        return _Kind.UPDATES, []
    if present & _LOSS and not present & _NOT_ITS_VALUE and not _is_time(found):
        return _loss(known, original)
    if len(known) == 2 and present & {"err", "error"} and present & _ADVERSARIES:
        return _Kind.LOSS_PART, next(word for word in known if word in _ADVERSARIES)
    return _Kind.METRIC, original if known == found else known


def _is_rate(known: list[str]) -> bool:
    text = "_".join(known)
    return "lr" in known or "learning_rate" in text or "learningrate" in known or text == "rate"


def _gradient(original: str, known: list[str]) -> tuple[_Kind, list[str] | str]:
    present = set(known)
    if "scale" in present:
        return _Kind.LOSS_SCALE, []
    if not present & {"norm", "norms", "l2", "gradnorm", "gnorm"} or present & {"clipped", "ratio", "accum", "time"}:
        return _Kind.METRIC, original
    rest = [word for word in known if word not in _GRADIENT | _NORM | {"gradnorm", "gnorm"} | _WHOLE]
    return _Kind.GRADIENT, [word for word in rest if not word.isdigit()]


def _loss(known: list[str], original: str) -> tuple[_Kind, list[str] | str]:
    said = [word for word in known if word not in _WHOLE]
    parts = [word for word in said if word not in _LOSS]
    if parts and (said[0] not in _LOSS or tuple(said[1:]) not in _ITS_VALUE):
        return _Kind.LOSS_PART, "_".join(parts)
    plain = "loss" in known or "losses" in known
    return (_Kind.LOSS if plain else _Kind.LOSS_BY_ANOTHER_NAME), original


def _is_time(found: list[str]) -> bool:
    """``reader_cost``, ``avg_batch_cost``, ``cost_time``: what takes how long."""
    said = set(found)
    return "cost" in said and bool(said & _OF_THE_CLOCK) and not said & (_LOSS - {"cost"})


def _evaluation_set(found: list[str]) -> str:
    for word in found:
        if word in _TEST:
            return "test"
        if word in _EVALUATION:
            return "val"
    return ""
