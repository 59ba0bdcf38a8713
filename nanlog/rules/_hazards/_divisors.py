"""What keeps a division from being one by zero: the epsilons of normalisations and optimisers, their decay rates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Evidence
from nanlog.rules._hazards._stated import Setting, Stated
from nanlog.rules._view import View, number

__all__ = ["divisors", "is_of_optimizer"]

_EPSILON = re.compile(r"(?:^|_)eps(?:ilon)?$")
#: An epsilon that says whose it is.  A bare one may be that of a search, an attack, a smoothing of labels.
_OF_NORM = re.compile(r"(?:norm|rms|bn|ln|gn)(?:alization)?_?eps(?:ilon)?$|norm\w{0,20}_eps(?:ilon)?$")
_OF_OPTIMIZER = re.compile(r"^(?:adamw?|opt|optim|optimi[sz]er|lamb|rmsprop)_eps(?:ilon)?$")
_IN_OPTIMIZER = re.compile(r"optim|(?:^|[._])adam")
_BETA = re.compile(r"^(?:adamw?_|opt_|optim_)?betas?_?(?:\[?[12]\]?)?$|^betas\[[01]\]$")
_RATES = ("lr", "learning_rate", "base_lr")
#: BERT's layers take 1e-12, less than any other architecture in transformers 5: 693 configurations were looked at.
_LEAST_OF_NORM = 1e-12


def divisors(view: View, stated: Stated) -> Iterator[Evidence]:
    for setting in stated:
        value = setting.number
        if value is None:
            continue
        if _EPSILON.search(setting.key):
            yield from _epsilon(view, stated, setting, value)
        elif value >= 1 and _BETA.fullmatch(setting.key) and is_of_optimizer(stated, setting):
            beta = number(value)
            says = f"{setting.key}: {beta} makes the optimiser divide by 1 - {beta}^t, which is 0 or less"
            yield view.stated(setting.fact, f"{says} (0.9 and 0.999 are usual; Kingma and Ba 2015)")


def _epsilon(view: View, stated: Stated, setting: Setting, value: float) -> Iterator[Evidence]:
    key = setting.key
    of_norm = _is_of_norm(stated, setting)
    if not of_norm and not _OF_OPTIMIZER.match(key) and not is_of_optimizer(stated, setting):
        return
    of = "a normalisation" if of_norm else "the optimiser"
    if value == 0:
        yield view.stated(setting.fact, f"{key}: 0 lets {of} divide by zero")
    elif value < 0:
        yield view.stated(setting.fact, f"{key}: {number(value)} lets {of} divide by zero or take the root of less")
    elif of_norm and value < _LEAST_OF_NORM:
        says = f"{key}: {number(value)} hardly keeps a normalisation from dividing by zero"
        yield view.stated(setting.fact, f"{says} (1e-12, BERT's, is the least in use)")


def _is_of_norm(stated: Stated, setting: Setting) -> bool:
    """By its name, or because it stands in a layer of Keras that is a normalisation."""
    if _OF_NORM.search(setting.key):
        return True
    layer = setting.parent.removesuffix(".config")
    kinds = (kind for kind in stated.named("class_name") if kind.parent == layer)
    return setting.parent.endswith(".config") and any("normalization" in kind.word for kind in kinds)


def is_of_optimizer(stated: Stated, setting: Setting) -> bool:
    """Whether a setting is one of an optimiser: it says so, stands in one, or a rate stands beside it."""
    key = setting.fact.key.lower()
    return bool(_IN_OPTIMIZER.search(key)) or (
        setting.key.startswith("beta") and any(stated.beside(setting, rate) for rate in _RATES)
    )
