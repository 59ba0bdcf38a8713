"""Logs as people's own programs write them: lines of JSON, a table, lines of text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

__all__ = ["write_log"]

Row = Mapping[str, float]

#: How programs print their numbers.
_PRINTED = ("%.4f", "%.4f", "%.6f", "%.3f", "%.2f", "%.6g", "%.4g", "%.4e", "%.8f")
#: What they call the loss and the rate.
_CALLED = (
    {},
    {"loss": "train_loss", "loss_D": "d_loss", "loss_G": "g_loss", "accuracy": "train_acc", "val_accuracy": "val_acc"},
    {"loss": "train/loss", "val_loss": "val/loss", "lr": "train/lr", "grad_norm": "train/grad_norm"},
    {"loss": "total_loss", "lr": "learning_rate", "grad_norm": "gnorm", "accuracy": "acc"},
)


def _as_printed(draw: Random) -> Callable[[str, float], str]:
    style = draw.choice(_PRINTED)

    def printed(name: str, value: float) -> str:
        if name == "step":
            return str(int(value))
        return f"{value:.3e}" if name == "lr" else style % value

    return printed


def _json_lines(draw: Random, rows: Sequence[Row], folder: Path) -> Path:
    called = draw.choice(_CALLED)
    digits = draw.choice([None, 4, 6])
    path = folder / "metrics.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            short = {
                name: value if digits is None or name == "lr" else round(value, digits) for name, value in row.items()
            }
            out.write(json.dumps({called.get(name, name): value for name, value in short.items()}) + "\n")
    return path


def _table(draw: Random, rows: Sequence[Row], folder: Path) -> Path:
    called, printed = draw.choice(_CALLED), _as_printed(draw)
    path = folder / "metrics.csv"
    lines = [",".join(called.get(name, name) for name in rows[0])]
    lines += [",".join(printed(name, value) for name, value in row.items()) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _text(draw: Random, rows: Sequence[Row], folder: Path) -> Path:
    called, printed = draw.choice(_CALLED[:2] + _CALLED[3:]), _as_printed(draw)
    between, equals = draw.choice([(" | ", " "), (", ", ": "), (" ", "="), (" - ", ": ")])
    head = draw.choice(["step {}", "iter {}:", "2024-05-03 11:{:02d}:07 INFO step={}"])
    path = folder / "train.log"
    with path.open("w", encoding="utf-8") as out:
        for place, row in enumerate(rows):
            step = int(row["step"])
            start = head.format(place % 60, step) if "INFO" in head else head.format(step)
            values = [f"{called.get(name, name)}{equals}{printed(name, row[name])}" for name in row if name != "step"]
            out.write(start + between + between.join(values) + "\n")
    return path


def write_log(draw: Random, rows: Sequence[Row], folder: Path) -> Path:
    """Write ``rows`` in one of the forms and return the file."""
    return draw.choice((_json_lines, _table, _text))(draw, rows, folder)
