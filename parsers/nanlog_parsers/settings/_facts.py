"""Settings as facts: their keys say whose they are, and the few that all rules ask for are said in one way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nanlog.model import FactValue

from ._kinds import Kind
from ._tree import Setting

__all__ = ["facts"]

_KERAS_LAYER = re.compile(r"config\.layers\[(?P<index>\d{1,6})\]\.(?P<what>class_name|config\.name)")
_BEGINS = {Kind.MODEL: "model", Kind.KERAS: "model", Kind.DEEPSPEED: "deepspeed", Kind.TRAINING: "hparams"}
_PRECISIONS = {"fp16.enabled": "fp16", "bf16.enabled": "bf16", "bfloat16.enabled": "bf16"}

Stated = tuple[str, FactValue, int]


def facts(kind: Kind, settings: Iterable[Setting]) -> Iterator[Stated]:
    """Yield key, value and line of each fact."""
    begin = _BEGINS[kind]
    for setting in settings:
        path, value, line = setting.path, setting.value, setting.line
        yield _own_key(path) or f"{begin}.{path}", value, line
        if kind is Kind.DEEPSPEED:
            yield from _of_deepspeed(setting)
        elif kind is Kind.KERAS and (layer := _KERAS_LAYER.fullmatch(path)) is not None:
            what = "type" if layer["what"] == "class_name" else "name"
            yield f"model.layer[{layer['index']}].{what}", value, line


def _own_key(path: str) -> str:
    """The key of what has one of its own in every dialect."""
    return "seed" if path in ("seed", "seed_everything") else path if path.startswith("trainer.") else ""


def _of_deepspeed(setting: Setting) -> Iterator[Stated]:
    if setting.path in _PRECISIONS and setting.value is True:
        yield "precision", _PRECISIONS[setting.path], setting.line
    elif setting.path == "optimizer.type":
        yield "optimizer", setting.value, setting.line
