"""``FILE.py``, ``FILE.py:NAME`` and ``package.module:NAME``: the object a user means.

``FILE.py:MODULE,DATA`` means a pair of them.
"""

from __future__ import annotations

import difflib
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from .faults import TargetError, said

__all__ = ["called", "named_object"]

DEFAULT_NAME = "target"


def named_object(spec: str) -> Any:
    """Import what ``spec`` names and return it as it is, or a tuple.  Raises ``TargetError`` with a sentence."""
    where, name = split(spec)
    module = _of_file(Path(where)) if where.endswith(".py") else _of_name(where)
    found = tuple(_attribute(where, each.strip(), module) for each in name.split(","))
    return found if len(found) > 1 else found[0]


def _attribute(where: str, name: str, module: ModuleType) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise TargetError(_no_such(where, name, module))
        found = getattr(found, part)
    return found


def called(spec: str, found: Any) -> Any:
    """What a target function returns; anything that is no plain function is itself what is meant."""
    if isinstance(found, type) or not callable(found) or hasattr(found, "parameters"):
        return found
    try:
        return found()
    except Exception as error:
        raise TargetError(f"the target {spec} raised {said(error)}") from error


def split(spec: str) -> tuple[str, str]:
    """The module or file, and the name in it (``target`` where none is given)."""
    where, colon, name = spec.rpartition(":")
    if not colon or name.endswith(".py") or "/" in name:
        return spec, DEFAULT_NAME
    return where, name or DEFAULT_NAME


def _of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"there is no file {path}; --target takes FILE.py, FILE.py:NAME or package.module:NAME")
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is no Python file")
    module = module_from_spec(spec)
    sys.modules[path.stem] = module  # so that classes in it can be unpickled and it can import itself
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise TargetError(f"the target {path} could not be imported: {said(error)}") from error
    return module


def _of_name(name: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as error:
        advice = f"; the file is meant by {name}.py" if Path(f"{name}.py").exists() else ""
        raise TargetError(f"the target {name} could not be imported: {said(error)}{advice}") from error


def _no_such(where: str, name: str, module: ModuleType) -> str:
    names = [each for each in vars(module) if not each.startswith("_")]
    near = difflib.get_close_matches(name, names, 1)
    return f"there is no {name!r} in {where}" + (
        f"; did you mean --target {where}:{near[0]}" if near else "; name the function: --target " + where + ":NAME"
    )
