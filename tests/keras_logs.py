"""Bars as each version of Keras draws them, and reading them with the parser of Keras.

The formats are those of ``Progbar`` in Keras 1.2, 2.3 (that of TensorFlow 2 differs in the times only) and 3.15.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from labelled_logs import ROOT
from nanlog.model import Block, Fact, Mark, MarkKind, Piece, SeriesInfo, Unread
from nanlog_parsers._states import bulk
from nanlog_parsers.keras._log import TrainingLog
from nanlog_parsers.keras._series import Meanings

LOGS = sorted((ROOT / "sample_logs" / "keras").glob("*/*.log"))


def number(value: float) -> str:
    return f"{value:.4f}" if isnan(value) or abs(value) > 1e-3 else f"{value:.4e}"


def values(**shown: float) -> str:
    return "".join(f" - {name}: {number(value)}" for name, value in shown.items())


def drawn(seen: int, target: int, *, eta: bool = True, **shown: float) -> str:
    """A state of Keras 1 and 2, without the backspaces before it."""
    done = 30 * seen // target
    bar = "=" * done + (">" if done < 30 else "") + "." * (29 - done)
    time = "ETA: 0s" if eta else "5s 83us/step"
    return f"{seen:{len(str(target))}}/{target} [{bar}] - {time}{values(**shown)}"


def coloured(seen: int, target: int, **shown: float) -> str:
    """A state of Keras 3, without the backspaces before it."""
    done = 20 * seen // target
    bar = f"\x1b[32m{'━' * done}\x1b[0m" if done else ""
    bar += f"\x1b[37m{'━' * (20 - done)}\x1b[0m"
    head = f"\x1b[1m{seen:{len(str(target))}}/{target}\x1b[0m"
    return f"{head} {bar} \x1b[1m0s\x1b[0m 3ms/step{values(**shown)}"


def line(states: Iterable[str]) -> str:
    """States written over each other, as Keras moves the cursor back."""
    parts = [""]
    for state in states:
        parts.append("\b" * len(parts[-1]) + "\r" + state)
    return "".join(parts) + "\n"


def running(losses: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the batches so far."""
    whole = np.asarray(losses, np.float64)
    return np.asarray(np.cumsum(whole) / np.arange(1, len(whole) + 1), np.float64)


@dataclass(frozen=True)
class Read:
    """What became of a text."""

    blocks: tuple[Block, ...]

    @property
    def table(self) -> dict[str, list[tuple[int, float, int]]]:
        """Step, value and line of the points of each series."""
        found: dict[str, list[tuple[int, float, int]]] = {}
        for block in self.blocks:
            for code, step, value, at in zip(block.code, block.step, block.value, block.line, strict=True):
                found.setdefault(block.series[code].name, []).append((int(step), float(value), int(at)))
        return found

    @property
    def infos(self) -> dict[str, SeriesInfo]:
        return {block.series[code].name: block.series[code] for block in self.blocks for code in block.code}

    def steps(self, name: str) -> list[int]:
        return [step for step, _, _ in self.table.get(name, [])]

    def values(self, name: str) -> list[float]:
        return [value for _, value, _ in self.table.get(name, [])]

    @property
    def marks(self) -> list[Mark]:
        return [mark for block in self.blocks for mark in block.marks]

    def marked(self, kind: MarkKind) -> list[tuple[int | None, str]]:
        return [(mark.step, mark.text) for mark in self.marks if mark.kind is kind]

    @property
    def facts(self) -> dict[str, object]:
        return {fact.key: fact.value for fact in self.all_facts}

    @property
    def all_facts(self) -> list[Fact]:
        return [fact for block in self.blocks for fact in block.facts]

    @property
    def unread(self) -> list[Unread]:
        return [unread for block in self.blocks for unread in block.unread]

    def everything(self) -> tuple[object, ...]:
        """All of it, in a form in which nan equals nan."""
        table = {name: [(step, repr(value), at) for step, value, at in rows] for name, rows in self.table.items()}
        return table, self.infos, self.marks, self.all_facts, [(item.line, item.why) for item in self.unread]


def read(text: str | bytes, *, by_columns: bool = True, size: int = 1 << 30) -> Read:
    """Read a text, cut after every line end that lies ``size`` bytes behind the last cut."""
    data = text.encode() if isinstance(text, str) else text
    pieces, start, first = [], 0, 1
    while start < len(data):
        end = data.find(b"\n", start + size - 1) + 1 or len(data)
        pieces.append(Piece("train.log", data[start:end], first))
        first += data.count(b"\n", start, end)
        start = end
    log = TrainingLog("train.log", Meanings(), by_columns=by_columns)
    return Read((*[log.read(states) for states in bulk(pieces)], log.finish()))
