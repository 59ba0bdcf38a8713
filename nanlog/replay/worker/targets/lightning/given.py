"""What the user's target gave: a LightningModule, its data, and how the Trainer was set up."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from nanlog.replay.worker.faults import TargetError, said

__all__ = ["Given", "given_of", "is_datamodule", "is_module", "package_of"]

_KEYS = ("module", "model", "datamodule", "train_dataloaders", "trainer", "first_step")
#: What of a Trainer object that the target made itself is taken over.
_OF_TRAINER = (
    "max_epochs",
    "max_steps",
    "min_epochs",
    "min_steps",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "limit_train_batches",
    "overfit_batches",
    "reload_dataloaders_every_n_epochs",
    "precision",
    "callbacks",
)


@dataclass
class Given:
    """``options`` are arguments of the Trainer; ``lightning`` the package that the module is of."""

    module: Any
    lightning: Any
    datamodule: Any = None
    loaders: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    first_step: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def has_data(self) -> bool:
        return self.loaders is not None or self.datamodule is not None or _own_loader(self.module)


def is_module(given: Any) -> bool:
    """A LightningModule, or a class of them, of either package."""
    return package_of(given) is not None


def is_datamodule(given: Any) -> bool:
    return _named(given, "LightningDataModule") is not None


def package_of(module: Any) -> str | None:
    """``lightning.pytorch`` or ``pytorch_lightning``: two packages whose classes know nothing of each other."""
    base = _named(module, "LightningModule")
    if base is None:
        return None
    return "pytorch_lightning" if base.__module__.startswith("pytorch_lightning") else "lightning.pytorch"


def _named(given: Any, name: str) -> type | None:
    kind = given if isinstance(given, type) else type(given)
    bases = (base for base in kind.__mro__ if base.__name__ == name)
    return next((b for b in bases if b.__module__.startswith(("lightning.", "pytorch_lightning."))), None)


def given_of(made: Any, hparams: Mapping[str, Any], path: str) -> Given:
    """Classes are made with the hyper-parameters of the checkpoint (``hparams`` is the checkpoint itself).

    Raises ``TargetError`` with a sentence.
    """
    parts = _parts(made)
    module = parts.get("module", parts.get("model"))
    package = package_of(module)
    if package is None:
        raise TargetError(
            f"the target returns {type(module).__name__} as its 'module'; it must be a LightningModule:"
            " {'module': Module(), 'datamodule': Data(), 'trainer': {'precision': '16-mixed'}}"
        )
    lightning = import_module(package)
    if isinstance(module, type):
        module = _built(module, hparams, "hyper_parameters", "hparams_name", path)
    data = parts.get("datamodule")
    if isinstance(data, type):
        data = _built(data, hparams, "datamodule_hyper_parameters", "datamodule_hparams_name", path)
    first = parts.get("first_step")
    return Given(
        module,
        lightning,
        data,
        parts.get("train_dataloaders"),
        _options(parts.get("trainer")),
        None if first is None else int(first),
    )


def _parts(made: Any) -> Mapping[str, Any]:
    if isinstance(made, Mapping):
        for key in made:
            if key not in _KEYS:
                near = difflib.get_close_matches(str(key), _KEYS, 1, cutoff=0.5)
                meant = f"did you mean {near[0]!r}" if near else f"known are {', '.join(_KEYS)}"
                raise TargetError(f"the target returns {key!r}, which nothing is known about; {meant}")
        return made
    if not isinstance(made, tuple):
        return {"module": made}
    found: dict[str, Any] = {}
    for each in made:
        if is_module(each):
            found["module"] = each
        elif is_datamodule(each):
            found["datamodule"] = each
        elif isinstance(each, Mapping) or type(each).__name__ == "Trainer":
            found["trainer"] = each
        else:
            found["train_dataloaders"] = each
    return found


def _options(given: Any) -> dict[str, Any]:
    """From a mapping of arguments, or from a Trainer."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    if type(given).__name__ != "Trainer":
        raise TargetError(
            f"the target returns a {type(given).__name__} as its 'trainer'; it must be a Trainer or a dictionary of"
            " its arguments"
        )
    return {name: value for name in _OF_TRAINER if (value := getattr(given, name, None)) is not None}


def _built(kind: type, checkpoint: Mapping[str, Any], key: str, name_key: str, path: str) -> Any:
    """Make a module or datamodule as ``load_from_checkpoint`` does: with what ``save_hyperparameters`` kept."""
    kept = checkpoint.get(key) or {}
    parameters = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    name = checkpoint.get(name_key)
    if isinstance(name, str) and name in parameters and name != "kwargs":
        arguments: dict[str, Any] = {name: _attributes(kept)}
    else:
        arguments = {each: value for each, value in kept.items() if takes_all or each in parameters}
    missing = [each for each in _needed(parameters) if each not in arguments]
    if missing:
        raise TargetError(
            f"{kind.__name__} needs {', '.join(missing)}, which the hyper-parameters in {path} do not hold"
            f" ({', '.join(map(str, kept)) or 'there are none: save_hyperparameters() keeps them'});"
            f" write a function that returns {kind.__name__}(...): --target FILE.py:FUNCTION"
        )
    try:
        return kind(**arguments)
    except Exception as error:
        raise TargetError(f"{kind.__name__} could not be made: {said(error)}") from error


def _attributes(kept: Mapping[str, Any]) -> Any:
    """``hparams`` are read as attributes and as keys."""

    class Attributes(dict[str, Any]):
        __getattr__ = dict.__getitem__
        __setattr__ = dict.__setitem__

    return Attributes(kept)


def _needed(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = [name for name, each in parameters.items() if each.kind in kinds and each.default is each.empty]
    return [name for name in found if name != "self"]


def _own_loader(module: Any) -> bool:
    """Whether the module defines ``train_dataloader`` itself."""
    base = _named(module, "LightningModule")
    return base is not None and getattr(type(module), "train_dataloader", None) is not base.train_dataloader  # type: ignore[attr-defined]
