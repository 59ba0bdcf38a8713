"""What the plug-ins ``hparams`` and ``text`` keep: settings, as flat names and scalars."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator

from nanlog.model import FactValue

from ._wire import FIXED64, LENGTH, VARINT, Field, MalformedError, fields, text

__all__ = ["framework", "hparams", "settings_in_text"]

#: The text plug-in's tags under which settings are written, and the name their facts begin with.
_SETTINGS = {
    "args": "hparams",
    "arguments": "hparams",
    "cfg": "hparams",
    "config": "hparams",
    "hparams": "hparams",
    "hyperparameters": "hparams",
    "hyperparams": "hparams",
    "params": "hparams",
    "parameters": "hparams",
    "model_config": "model",
}
#: Settings of transformers.TrainingArguments that have a name of their own in every dialect.
_GENERAL = {"logging_steps": "logging_steps", "optim": "optimizer"}

_LONGEST = 1 << 20
_LONGEST_VALUE = 2000
_MOST_FACTS = 2000
_DEEPEST = 20
_MOST_ITEMS = 20
_INT64 = 1 << 63
#: ``|name|value|``, a row of a Markdown table of two columns.
_ROW = re.compile(r"^\s{0,8}\|([^|\n]{1,200})\|([^|\n]{0,2000})\|\s{0,8}$", re.MULTILINE)
_RULE = re.compile(r"[\s:-]+")


def hparams(content: bytes) -> Iterator[tuple[str, FactValue]]:
    """The hyper-parameters in an HParamsPluginData (tensorboard/plugins/hparams/plugin_data.proto).

    They stand in ``session_start_info``; what describes an experiment or ends a session has none.
    """
    try:
        for part in fields(content):
            if part.number == 3 and part.wire == LENGTH:
                for entry in part.fields():
                    if entry.number == 1 and entry.wire == LENGTH:
                        yield from _entry(entry)
    except MalformedError:
        return


def _entry(entry: Field) -> Iterator[tuple[str, FactValue]]:
    """An entry of ``map<string, google.protobuf.Value>``."""
    found = {part.number: part for part in entry.fields() if part.wire == LENGTH}
    if 1 not in found or 2 not in found:
        return
    for value in found[2].fields():
        if value.number == 2 and value.wire == FIXED64:
            yield text(found[1]), value.float()
        elif value.number == 3 and value.wire == LENGTH:
            yield text(found[1]), text(value)[:_LONGEST_VALUE]
        elif value.number == 4 and value.wire == VARINT:
            yield text(found[1]), bool(value.value)


def settings_in_text(tag: str, content: str) -> Iterator[tuple[str, FactValue]]:
    """The facts in what was written with ``add_text``: a JSON object, a table of two columns, or plain text."""
    name = tag.removesuffix("/text_summary")
    said = _json(content) or _table(content)
    if not said:
        yield f"text.{name}", content[:_LONGEST_VALUE]
        return
    prefix = _SETTINGS.get(name.rpartition("/")[2].lower(), f"text.{name}")
    for key, value in said:
        yield f"{prefix}.{key}", value
    if name == "args":
        yield from _of_transformers(dict(said))


def _of_transformers(said: dict[str, FactValue]) -> Iterator[tuple[str, FactValue]]:
    yield from ((name, said[key]) for key, name in _GENERAL.items() if key in said)
    if "output_dir" in said:
        yield "framework", "transformers"
    halves = [key for key in ("fp16", "bf16") if said.get(key) is True]
    if "fp16" in said:
        yield "precision", halves[0] if halves else "fp32"


def _json(content: str) -> list[tuple[str, FactValue]]:
    if not content.lstrip().startswith("{") or len(content) > _LONGEST:
        return []
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return []
    flat: list[tuple[str, FactValue]] = []
    for entry in _flat("", found, _DEEPEST):
        flat.append(entry)
        if len(flat) == _MOST_FACTS:
            break
    return flat


def _flat(key: str, value: object, depth: int) -> Iterator[tuple[str, FactValue]]:
    if isinstance(value, dict) and depth:
        for name, inner in value.items():
            yield from _flat(f"{key}.{name}" if key else str(name), inner, depth - 1)
    elif isinstance(value, list) and depth:
        for place, inner in enumerate(value[:_MOST_ITEMS]):
            yield from _flat(f"{key}[{place}]", inner, depth - 1)
    elif isinstance(value, str):
        yield key, value[:_LONGEST_VALUE]
    elif isinstance(value, bool | float):
        yield key, value
    elif isinstance(value, int):
        yield key, value if -_INT64 <= value < _INT64 else math.copysign(math.inf, value)


def _table(content: str) -> list[tuple[str, FactValue]]:
    rows = [(row[1].strip(), row[2].strip()) for row in _ROW.finditer(content[:_LONGEST])]
    # the head of the table is followed by a rule
    begin = next((place for place, row in enumerate(rows) if all(_RULE.fullmatch(cell) for cell in row)), None)
    return [] if begin is None else [(key, _scalar(value)) for key, value in rows[begin + 1 :][:_MOST_FACTS] if key]


def _scalar(word: str) -> FactValue:
    if word in ("True", "true", "False", "false"):
        return word.lower() == "true"
    try:
        return int(word) if re.fullmatch(r"[-+]?[0-9]{1,18}", word) else float(word)
    except ValueError:
        return word


def framework(writer: str, tags: Collection[str]) -> Iterator[tuple[str, FactValue]]:
    """What wrote a file, by the writer it names and the tags that one framework alone uses."""
    yield "writer", writer
    if writer.startswith("tensorflow"):
        by_epoch = any(tag.startswith("epoch_") for tag in tags)
        yield "framework", "keras" if by_epoch else "tensorflow"
        if by_epoch and not any(tag.startswith("batch_") for tag in tags):
            yield "step_unit", "epoch"
    elif "hp_metric" in tags:
        yield "framework", "lightning"
    else:
        yield "framework", "pytorch"
