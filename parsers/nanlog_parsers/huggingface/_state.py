"""Reads ``trainer_state.json``, which the Trainer writes into its output folder and into each checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, BlockBuilder, FactValue, Mark, MarkKind, Source
from nanlog_parsers._names import Names
from nanlog_parsers._numbers import number

from ._json import Scalar, scalars
from ._series import info_of, is_logged

__all__ = ["is_state", "state_blocks"]

_GLOBAL_STEP = re.compile(rb'"global_step"\s{0,20}:\s{0,20}(?P<step>[0-9]{1,15})')
_CHECKPOINT_STEP = re.compile(r"checkpoint-(?P<step>[0-9]{1,15})(?![0-9])")
#: Key of the state -> key of the fact.
_FACTS = {
    "logging_steps": "logging_steps",
    "max_steps": "trainer.max_steps",
    "num_train_epochs": "trainer.num_train_epochs",
    "eval_steps": "trainer.eval_steps",
    "save_steps": "trainer.save_steps",
    "train_batch_size": "hparams.train_batch_size",
    "best_metric": "trainer.best_metric",
    "best_model_checkpoint": "trainer.best_model_checkpoint",
    "global_step": "trainer.global_step",
}
_ENTRY = ("[]", "log_history", "[]")
#: Points in one block.
_ENOUGH = 50_000


def is_state(head: bytes) -> bool:
    """Whether the beginning of a file is that of a Trainer's state."""
    return head.lstrip()[:1] == b"{" and b'"log_history"' in head and b'"global_step"' in head


def state_blocks(source: Source, files: tuple[str, ...], names: Names) -> Iterator[Block]:
    """Read the states of a run.

    The state of a checkpoint holds the log up to it, so that of each is the beginning of the next: of all that lie in
    one folder or its ``checkpoint-N`` folders only the latest is read, the others say that there is a checkpoint.
    """
    runs: dict[str, list[tuple[int, str]]] = {}
    for file in files:
        found = _GLOBAL_STEP.search(source.head(file))
        runs.setdefault(_run(file), []).append((int(found["step"]) if found else -1, file))
    for states in runs.values():
        latest = max(states, key=lambda state: (state[0], -len(state[1])))[1]
        for step, file in states:
            if file == latest:
                yield from _read(source, file, names)
            else:
                yield _checkpoint(file, step, source.head(file))


def _run(file: str) -> str:
    """The folder of the run: without the ``checkpoint-N`` a state lies in."""
    folder = file.replace("\\", "/").rpartition("/")[0]
    parent, _, last = folder.rpartition("/")
    return parent if _CHECKPOINT_STEP.fullmatch(last) else folder


def _checkpoint(file: str, step: int, head: bytes) -> Block:
    rows = BlockBuilder(file, file)
    found = _GLOBAL_STEP.search(head)
    if found is not None:
        rows.mark(Mark(MarkKind.CHECKPOINT, file, head.count(b"\n", 0, found.start()) + 1, step, _folder(file)))
    return rows.build()


def _folder(file: str) -> str:
    return file.replace("\\", "/").rpartition("/")[0]


def _read(source: Source, file: str, names: Names) -> Iterator[Block]:
    rows = BlockBuilder(file, _run(file))
    rows.fact("framework", "transformers", 1)
    entry: dict[str, tuple[float, int]] = {}
    points = 0
    for scalar in scalars(source.pieces(file)):
        if scalar.text is None:
            if scalar.path == _ENTRY:
                points += _entry(rows, entry, names)
                entry = {}
        elif scalar.path[:-1] == _ENTRY:
            value = number(scalar.text)
            if value is not None:
                entry[scalar.path[-1]] = value, scalar.line
        elif len(scalar.path) == 2:
            _fact(rows, scalar)
        if points > _ENOUGH:
            yield rows.build()
            points = 0
    if entry:
        line = next(iter(entry.values()))[1]
        rows.unread(line, ", ".join(f"{key}: {value}" for key, (value, _) in entry.items()), "the file ends inside it")
    yield rows.build()


def _entry(rows: BlockBuilder, entry: dict[str, tuple[float, int]], names: Names) -> int:
    step = entry.get("step", (None, 0))[0]
    whole = int(step) if step is not None and 0 <= step < 1e15 else None
    for key, (value, line) in entry.items():
        if is_logged(key):
            rows.add(info_of(names, key), step=whole, value=value, line=line)
    return len(entry)


def _fact(rows: BlockBuilder, scalar: Scalar) -> None:
    key, text = scalar.path[-1], scalar.text
    if key not in _FACTS or text is None or (text == "null" and not scalar.is_string):
        return
    value = None if scalar.is_string else number(text)
    said: FactValue = text if value is None else int(value) if abs(value) < 1e15 and value == int(value) else value
    rows.fact(_FACTS[key], said, scalar.line)
    if key == "best_model_checkpoint":
        step = _CHECKPOINT_STEP.search(text)
        at = None if step is None else int(step["step"])
        rows.mark(Mark(MarkKind.CHECKPOINT, rows.file, scalar.line, at, text))
    elif key == "global_step" and isinstance(said, int) and _CHECKPOINT_STEP.search(_folder(rows.file)):
        rows.mark(Mark(MarkKind.CHECKPOINT, rows.file, scalar.line, said, _folder(rows.file)))
