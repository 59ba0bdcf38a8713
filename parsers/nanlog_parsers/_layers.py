"""What a number says of a single layer: ``grad_norm/fc.weight``, ``activations/conv1/std``, ``fc1.weight/norm``.

Everybody writes quantity, statistic and layer in an order of his own, with slashes, dots or underscores between them.
The quantity is looked for first; what stands behind it, or before it, is the layer, unless it says that all layers are
meant (``grad_norm/total``) or is no name of a layer (``params/lr``, ``weights/kl``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["OfLayer", "layer_of", "of_layer"]

#: The statistic of a series whose name says none.
VALUE = "value"
#: How the statistics are called -> what nanlog calls them.
_STATISTICS = (
    (r"abs[_ -]?max|max[_ -]?abs|amax|l?inf[_ -]?norm|linf", "abs_max"),
    (r"abs[_ -]?mean|mean[_ -]?abs", "abs_mean"),
    (r"l1(?:[_ -]?norm)?", "l1"),
    (r"norms?|l2(?:[_ -]?norm)?", "norm"),
    (r"mean|avg|average", "mean"),
    (r"std(?:dev)?|stdev", "std"),
    (r"var(?:iance)?", "var"),
    *((word, word) for word in ("min", "max", "median", "rms")),
)
_STATISTIC = "|".join(pattern for pattern, _ in _STATISTICS)
_WHAT = {
    "grad": "grads?|gradients?",
    "param": "params?|parameters?|weights?",
    "update": "updates?",
    "activation": "activations?|acts?",
    "output": r"outputs?|hidden(?:[_ -]?states?)?",
}
_HEAD = (
    r"(?:(?:per[_ -]?)?(?:layer|param|parameter|module|tensor)s?(?:wise)?[_ -])?"
    r"(?:update[_ -]?(?:to[_ -]?)?(?:(?:params?|parameters?|weights?|data)[_ -]?)?(?P<ratio>ratios?)"
    r"|(?P<lightning>grad_(?:[0-9.]+|inf)_norm)|(?P<short>g(?:rad)?norms?)"
    rf"|(?:(?P<before>{_STATISTIC})[_ -])?(?:"
    + "|".join(f"(?P<{what}>{words})" for what, words in _WHAT.items())
    + rf")(?:[_ -]?(?P<behind>{_STATISTIC}))?)"
    r"(?:[_ -](?:per|by|of)[_ -](?:layer|param|parameter|module|tensor)s?)?"
)
_FORMS = (
    re.compile(rf"(?:(?P<around>.{{0,40}}?)[/.:])??{_HEAD}[/.:](?P<name>.+)", re.IGNORECASE | re.ASCII),
    re.compile(rf"(?P<name>.+?)[/.:]{_HEAD}", re.IGNORECASE | re.ASCII),
    re.compile(rf"{_HEAD}[_ -](?P<name>.+)", re.IGNORECASE | re.ASCII),
    re.compile(rf"(?P<name>.+?)[_ -]{_HEAD}", re.IGNORECASE | re.ASCII),
)
_BEHIND, _BEFORE, _JOINED_BEHIND, _JOINED_BEFORE = _FORMS
_QUANTITY = re.compile(_HEAD, re.IGNORECASE | re.ASCII)  #: ``fc.weight/grad_norm`` is no weight of a layer grad_norm
_LEADING = re.compile(rf"(?P<statistic>{_STATISTIC})[/.:](?P<name>.+)", re.IGNORECASE | re.ASCII)
_TRAILING = re.compile(
    rf"(?P<name>.*?(?<!layer)(?<!batch)(?<!group))(?P<mark>[/.:_])(?P<statistic>{_STATISTIC})", re.IGNORECASE | re.ASCII
)
_KINDS = tuple((re.compile(pattern, re.IGNORECASE | re.ASCII), name) for pattern, name in _STATISTICS)

#: Weights & Biases' histograms, and what optimizers keep for each parameter.
_PACKED = re.compile(r"packedBins|_type\Z|exp_avg|momentum|moment_?[12]\b", re.IGNORECASE)
#: What a parameter of a layer is called.
_OWN = re.compile(
    r"(?:\w+_)?(?:weight|bias|kernel|gamma|beta|embeddings?|scale|alpha)(?:_[a-z]{1,2}(?:_l\d+(?:_reverse)?)?|_\d)?"
    r"|w|b|running_(?:mean|var)|moving_(?:mean|variance)",
    re.IGNORECASE | re.ASCII,
)
_PARTS = re.compile(r"[/.:]+")
_LAYER = re.compile(
    r"(?:\w+_)?(?:conv\w*|fc|linear|lin|dense|layer|block|blk|encoder|decoder|embed\w*|emb|wte|wpe|attn|attention|mlp"
    r"|ffn?|lstm|gru|rnn|bn|ln|layer_?norm|batch_?norm|head|stem|backbone|trunk|neck|bottleneck|classifier|[a-z]{1,4}_proj)"
    r"(?:_?\d+|_[a-z]|\dd(?:_\d+)?)?(?:_(?:weight|bias|kernel))?|[a-z]+_?\d+_(?:weight|bias|kernel)|h_?\d+",
    re.IGNORECASE | re.ASCII,
)
_TOTAL = {"total", "overall", "sum", "full", "all", "global", "epoch", "step", "batch", "train", "training"}
_NO_LAYER = {
    *("fraction", "frac", "percent", "sparsity", "dead", "zero", "zeros", "count", "num", "number", "ratio", "scale"),
    *("clip", "clipped", "clipping", "accum", "accumulation", "time", "steps", "nan", "nans", "inf", "infs"),
    *("nonfinite", "finite", "memory", "checkpointing", "packed", "bins", "type", "size", "sq", "cos", "noise", "lr"),
    *("loss", "losses", "coef", "decay", "dropout", "layers", "blocks", "heads", "dim", "dims", "depth", "width"),
    *("channels", "units", "stride", "rate", "total", "trainable", "penalty", "trajectory", "similarity", "momentum"),
}
_SAYS_NOTHING = {
    *("train", "training", "trainer", "stats", "statistics", "metrics", "metric", "debug", "monitor", "model", "info"),
    *("optim", "optimizer", "diagnostics", "log", "logs", "scalars", "data", "val", "valid", "validation", "test"),
    *("eval", "evaluation", "step", "batch", "epoch", "layers", "layer", "per", "summary", "watch"),
}
_WORD = re.compile(r"[A-Za-z]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class OfLayer:
    """``what`` is grad, param, update or activation, or update with the statistic ``ratio``.

    ``parameter`` names what was measured, as the log does; ``around`` is what else the name says, "" where nothing that
    tells it from others.  ``guessed`` says that the name does not say which statistic it is.
    """

    what: str
    statistic: str
    parameter: str
    around: str = ""
    guessed: bool = False

    @property
    def quantity(self) -> str:
        """The first part of the series' name: ``grad_norm``."""
        return f"{self.what}_{self.statistic}"

    @property
    def is_averaged(self) -> bool:
        return bool({"epoch", "ema", "running", "smoothed"} & _words(self.around)) or self.parameter.endswith("_epoch")


def of_layer(original: str, *, norm_is_a_layer: bool = False) -> OfLayer | None:
    """Which layer and which of its quantities a name tells of; None for any other name.

    ``norm_is_a_layer``: ``grads.norm`` is not the norm of all gradients, but that of a layer called norm.
    """
    if _PACKED.search(original):
        return None
    if (found := _BEHIND.fullmatch(original)) is not None and not _QUANTITY.fullmatch(found["name"]):
        return _behind(found, norm_is_a_layer=norm_is_a_layer)
    if (found := _BEFORE.fullmatch(original)) is not None:
        return _before(found)
    for form in (_JOINED_BEHIND, _JOINED_BEFORE):
        if (found := form.fullmatch(original)) is not None and _statistic(found):
            return _before(found)
    return _of_parameter(original)


def layer_of(parameter: str) -> str:
    """The layer that a parameter belongs to: ``encoder.0`` of ``encoder.0.weight``, ``dense`` of ``dense/kernel:0``.

    >>> layer_of("encoder.0"), layer_of("0_weight")
    ('encoder.0', '0')
    """
    whole = parameter.removesuffix(":0").removesuffix("_epoch")
    *before, last = _PARTS.split(whole)
    if before and any(before) and _OWN.fullmatch(last):
        return whole[: -len(last) - 1]
    for word in ("weight", "bias", "kernel"):  # torch.utils.tensorboard makes a folder 0_weight of 0.weight
        if last.endswith(f"_{word}"):
            return whole.removesuffix(f"_{word}")
    return parameter


def _behind(found: re.Match[str], *, norm_is_a_layer: bool) -> OfLayer | None:
    """``grad_norm/fc.weight``, ``train/gradients/fc/max``, and ``fc/grad/max``."""
    what, statistic, name = _what(found), _statistic(found), found["name"].removesuffix("_step")
    around, alone = found["around"] or "", _kind(name)
    if alone and not norm_is_a_layer and not found["lightning"] and not found["short"] and not found["ratio"]:
        measured = _without_data(found.string[: found.end(what)] if _OWN.fullmatch(found[what]) else around)
        is_layer = bool(around) and not statistic and _is_layer(measured)
        return OfLayer(_named(what), alone, measured) if is_layer else None
    if _is_total(name) and not alone:
        return None
    if not statistic and not alone:
        statistic, name = _with_own(what, name)
    if _is_total(name) and not alone:
        return None
    if not statistic and not _may_stand_alone(what, name):
        return None
    if what == "activation" and not statistic and len(found[what]) < len("activation") and not _is_layer(name):
        return None  # act/entropy
    if what == "output" and (not statistic or not _is_layer(name)):
        return None
    if what == "param" and statistic and _words(name) & {"loss", "losses"} and not _is_layer(name):
        return None
    return OfLayer(_named(what), statistic or _usual(what), name, _telling(around), not statistic)


def _may_stand_alone(what: str, name: str) -> bool:
    """Whether a number without a statistic is one: gradients of anything, but weights and updates of layers only."""
    if what == "grad" or (what == "activation" and not _words(name) & _NO_LAYER):
        return _is_layer(name) or not _words(name) & _NO_LAYER
    last = _PARTS.split(name)[-1]
    return _is_layer(name) and not _words(last) & _NO_LAYER


def _before(found: re.Match[str]) -> OfLayer | None:
    """``fc1/grad_norm``, ``layers.3.act_std``, ``fc1.weight.grad``: the name must be that of a layer."""
    what, statistic, name = _what(found), _statistic(found), _without_data(found["name"])
    if not _is_layer(name) or name.lower() in ("layer", "layers") or (not statistic and what != "grad"):
        return _of_parameter(found.string)
    return OfLayer(_named(what), statistic or _usual(what), name, guessed=not statistic)


def _of_parameter(original: str) -> OfLayer | None:
    """``fc1.weight/norm``, ``fc1.bias_max``: the statistic of a parameter that is named as parameters are."""
    found = _TRAILING.fullmatch(original)
    if found is None:
        return None
    *before, last = _PARTS.split(name := _without_data(found["name"]))
    is_parameter = bool(before) and _OWN.fullmatch(last) and len(last) > 1
    return OfLayer("param", _kind(found["statistic"]), name) if is_parameter and _is_layer(name) else None


def _what(found: re.Match[str]) -> str:
    if found["ratio"]:
        return "update"
    return "grad" if found["lightning"] or found["short"] else next(what for what in _WHAT if found[what])


def _statistic(found: re.Match[str]) -> str:
    """What the quantity is called with: ``norm`` of ``grad_norm``, ``max_grad_norm`` and ``gnorm``; "" for none."""
    if found["ratio"]:
        return "ratio"
    if found["lightning"] or found["short"]:
        return "norm"
    return _kind(found["behind"] or found["before"] or "")


def _kind(word: str) -> str:
    return next((name for pattern, name in _KINDS if pattern.fullmatch(word)), "")


def _named(what: str) -> str:
    return "activation" if what == "output" else what


def _usual(what: str) -> str:
    """One number for a whole tensor is its norm; of activations people log their mean as well."""
    return VALUE if _named(what) == "activation" else "norm"


def _with_own(what: str, name: str) -> tuple[str, str]:
    """The statistic that stands with the name of the layer, and the name without it.

    ``grads.layers.1.norm`` is the gradient of a layer called norm, or the norm of that of ``layers.1``: a norm in any
    case, so that the name stays whole.
    """
    if (found := _LEADING.fullmatch(name)) is not None:
        return _kind(found["statistic"]), found["name"]
    found = _TRAILING.fullmatch(name)
    if found is None or not found["name"] or (found["mark"] == "_" and not _is_layer(found["name"])):
        return "", name
    is_unsure = found["mark"] != "/" and not _OWN.fullmatch(_PARTS.split(found["name"])[-1])
    if is_unsure and _kind(found["statistic"]) == _usual(what):
        return "", name
    return _kind(found["statistic"]), found["name"]


def _is_layer(name: str) -> bool:
    """Whether it looks like the name of a layer or of a parameter; ``lr`` and ``critic`` may be anything."""
    *before, last = parts = _PARTS.split(name.removesuffix(":0"))
    if before and (_OWN.fullmatch(last) or any(part.isdecimal() for part in parts)):
        return True
    return any(_LAYER.fullmatch(part) for part in parts)


def _without_data(name: str) -> str:
    """Without leading words that are no part of the layer: ``train/fc1``."""
    first, mark, rest = re.match(r"([^/.:]*)([/.:]?)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
    is_bare = mark and rest and _words(first) and _words(first) <= _SAYS_NOTHING - {"layers", "layer", "model"}
    return _without_data(rest) if is_bare and not first[-1].isdecimal() else name


def _telling(around: str) -> str:
    said = _words(around)
    return "" if said <= _SAYS_NOTHING else around


def _is_total(name: str) -> bool:
    said = _words(name)
    return bool(said) and said <= _TOTAL | {"norm", "norms", "l", "avg", "average", "mean", "running", "ema"}


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(re.sub(r"([a-z])([A-Z])", r"\1 \2", name))}
