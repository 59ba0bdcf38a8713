"""Frozen values to plain JSON and back, by the types of their fields.

A non-finite number becomes the string ``"NaN"``, ``"Infinity"`` or ``"-Infinity"``, as everywhere in nanlog.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["decode", "encode"]

T = TypeVar("T")
_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode(value: Any) -> Any:
    """What ``json.dumps(..., allow_nan=False)`` takes.

    >>> encode((1, float("inf")))
    [1, 'Infinity']
    """
    if is_dataclass(value):
        return {each.name: encode(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [encode(each) for each in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def decode(kind: type[T], data: Any) -> T:
    """The dataclass that ``data`` was made of.  Raises ``ValueError`` for anything else; unknown keys are left out."""
    try:
        made: T = _made(kind, data)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no {kind.__name__}: {error}") from error
    return made


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _made(kind: Any, data: Any) -> Any:
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        return kind(**{name: _made(hint, data[name]) for name, hint in hints.items() if name in data})  # type: ignore[operator]
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _of_union(inner, data)
    if origin is tuple:
        kinds = [inner[0]] * len(data) if inner[-1] is Ellipsis else inner
        return tuple(_made(each, item) for each, item in zip(kinds, data, strict=True))
    if origin is not None:  # a mapping, its keys always text
        return {str(key): _made(inner[1], item) for key, item in data.items()}
    return _scalar(kind, data)


def _of_union(kinds: tuple[Any, ...], data: Any) -> Any:
    if data is None and NoneType in kinds:
        return None
    left = [kind for kind in kinds if kind is not NoneType]
    return _made(left[0], data) if len(left) == 1 else data


def _scalar(kind: Any, data: Any) -> Any:
    if kind is float:
        return _NUMBERS[data] if isinstance(data, str) else float(data)
    if kind is Any or isinstance(data, kind):
        return data
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(data)
    raise TypeError(f"{data!r} where a {kind.__name__} belongs")
