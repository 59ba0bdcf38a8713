"""A model out of a file of Keras, with nothing of it run that is code."""

from __future__ import annotations

import json
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

from nanlog.errors import UnreadableError
from nanlog.replay.plan import Plan
from nanlog.replay.worker.faults import TargetError, is_users, said
from nanlog.replay.worker.training import Loaded

__all__ = ["load_weights", "model_of", "names_of_target"]

_LARGEST = 1 << 24  #: bytes of a model's configuration


def model_of(file: Path, custom_objects: dict[str, Any], trust: bool, loaded: Loaded) -> Any:
    """The compiled model.  Raises ``UnreadableError`` and ``TargetError`` with a sentence."""
    import keras

    policy, before = _policy_of(file), keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(before if policy is None else policy)
        with warnings.catch_warnings(record=True) as said_so:
            warnings.simplefilter("always")
            model = keras.saving.load_model(file, custom_objects=custom_objects, safe_mode=not trust)
    except Exception as error:
        raise _refused(file, error) from error
    finally:
        keras.config.set_dtype_policy(before)
    if any("loading for optimizer" in str(each.message) for each in said_so):
        loaded.fresh.append("optimizer state")
    return model


def load_weights(model: Any, file: Path) -> None:
    try:
        model.load_weights(file)
    except Exception as error:
        raise UnreadableError(f"the weights of {file} do not fit the model of the target: {said(error)}") from error


def names_of_target(plan: Plan) -> dict[str, Any]:
    """Classes and functions of the user's modules, which Keras would otherwise know only if they are registered."""
    found: dict[str, Any] = {}
    root = Path(plan.directory).resolve()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and is_users(file) and root in Path(file).resolve().parents:
            found |= {name: each for name, each in vars(module).items() if callable(each) and name[0] != "_"}
    return {name: each for name, each in found.items() if not str(getattr(each, "__module__", "")).startswith("keras")}


def _policy_of(file: Path) -> str | None:
    """The dtype policy that the model was made with: a Sequential model forgets it where it is loaded.

    Raises ``UnreadableError`` for what is no ``.keras`` file.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            lacking = sorted({"config.json", "metadata.json"} - set(archive.namelist()))
            if lacking:
                raise ValueError(f"it lacks {', '.join(lacking)}")
            if archive.getinfo("config.json").file_size > _LARGEST:
                raise ValueError("its configuration is far larger than any")
            content = json.loads(archive.read("config.json"))
            name = content["config"]["dtype"]["config"]["name"]
    except (KeyError, TypeError):
        return None
    except (OSError, zipfile.BadZipFile, ValueError, RecursionError) as error:
        raise UnreadableError(f"the checkpoint {file} is no whole .keras file: {error}; take another") from error
    return name if isinstance(name, str) else None


def _refused(file: Path, error: Exception) -> Exception:
    text = " ".join(str(error).split())
    if "safe_mode" in text or "lambda" in text.lower():
        return UnreadableError(
            f"{file} holds code of its own (a Lambda layer), which would run when it is loaded; if you trust where it"
            " is from, say --trust-checkpoint"
        )
    if "Could not locate" in text or "Unknown" in text:
        return TargetError(
            f"{file} needs a class or function that is not known here: {text[:200]}; import it in the target, or return"
            " it in 'custom_objects'"
        )
    return UnreadableError(f"the checkpoint {file} cannot be loaded: {type(error).__name__}: {text[:300]}")
