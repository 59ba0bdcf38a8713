"""NaN that does no harm, in the ways in which programs print it; the training goes well in each of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from nanlog import diagnose

ROWS = 40
NAN, INF = math.nan, math.inf
Line = Callable[[int, float], str]


def loss_at(row: int) -> float:
    return 2.3 * math.exp(-row / 15) + 0.3 + 0.02 * math.sin(7 * row)


def score_at(row: int, absent: object) -> str:
    return "nan" if absent else f"{0.5 + row / 100:.3f}"


LINES: dict[str, Line] = {
    "class that is absent": lambda row, loss: f"epoch {row} loss {loss:.4f} mIoU 0.5 iou_bicycle nan lr 1.0e-03",
    "one class in a validation": lambda row, loss: (
        f"Epoch [{row}/40] train_loss: {loss:.4f} | val_loss: {loss:.4f} | val_auc: {score_at(row, row % 7 == 0)}"
    ),
    "best so far": lambda row, loss: f"Epoch {row}: loss={loss:.4f} best_loss={'inf' if row == 0 else '1.0'} eta=nan",
    "speed of the first step": lambda row, loss: (
        f"step {row} | loss {loss:.4f} | tok/s {'inf' if row == 0 else 9} | dt {'nan' if row == 0 else 9}ms"
    ),
    "perplexity": lambda row, loss: f"step {row} | loss {loss:.4f} | ppl {'inf' if row < 3 else '9.1'} | lr 1e-3",
    "deviation of one": lambda row, loss: (
        f"episode {row} reward 2.0 reward_std {'nan' if row == 0 else 1} loss {loss:.4f}"
    ),
    "norm of a skipped step": lambda row, loss: (
        f"step {row} loss {loss:.4f} grad_norm {'inf' if row in (0, 1, 30) else '1.2'} scale {65536 / 2 ** min(row, 2)}"
    ),
    "norm of the first step": lambda row, loss: f"step {row} loss {loss:.4f} grad_norm {'nan' if row == 0 else '1.2'}",
    "scaler's message": lambda row, loss: (
        (f"Gradient overflow.  Skipping step, reducing loss scale to {2 ** (15 - row)}\n" if row < 3 else "")
        + f"step {row} loss {loss:.4f}"
    ),
    "masked logits": lambda row, loss: f"step={row} loss={loss:.4f} logits_min=-inf log_prob_min=-inf entropy=1.0",
    "counts of NaN": lambda row, loss: f"step {row} loss {loss:.4f} num_nan 0 has_nan False inf_norm 2.3 lr 1e-3",
    "head without samples": lambda row, loss: (
        f"iter {row}: loss {loss:.4f} loss_cls {loss:.4f} loss_kpt {'nan' if row in (7, 33) else '0.2'}"
    ),
    "head that is off": lambda row, loss: f"iter {row}: loss {loss:.4f}, aux_loss nan (disabled), lr 0.001",
    "validation now and then": lambda row, loss: (
        f"epoch {row} train_loss {loss:.4f} val_loss {'nan' if row % 5 else f'{loss:.4f}'}"
    ),
    "epoch before the first": lambda row, loss: (
        f"Epoch {row} | train_loss {'nan' if row == 0 else f'{loss:.4f}'} | val_loss {loss:.4f}"
    ),
    "average over nothing": lambda row, loss: (
        f"Epoch: [{row // 8}][{row % 8 * 10}/80]\tLoss {'nan' if row % 8 == 0 else f'{loss:.4f}'}\tlr 0.1"
    ),
    "Keras' metric": lambda row, loss: (
        f"Epoch {row + 1}/40\n9/9 - 1s - 10ms/step - loss: {loss:.4f} - f1: {score_at(row, row < 4)} - val_loss: 1.0"
    ),
    "Trainer's norm": lambda row, loss: (
        f"{{'loss': {loss:.4f}, 'grad_norm': {'nan' if row in (0, 20) else 1.5}, 'learning_rate': 5e-05, "
        f"'epoch': {row / 20:.2f}}}"
    ),
    "Lightning's bar": lambda row, loss: (
        f"Epoch {row}: 100%|##########| 9/9 [00:10<00:00, 1.0it/s, v_num=0, train_loss={loss:.3f}, val_iou=nan.0]"
    ),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_log_with_harmless_nan_is_healthy(tmp_path: Path, line: Line) -> None:
    path = tmp_path / "train.log"
    path.write_text("".join(line(row, loss_at(row)) + "\n" for row in range(ROWS)), encoding="utf-8")
    report = diagnose(str(path))
    assert report.verdict == "healthy"
    loss = report.run.series("loss")
    assert loss is not None
    assert len(loss) == ROWS


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_the_same_log_with_a_loss_that_turns_nan_is_not(tmp_path: Path, line: Line) -> None:
    path = tmp_path / "train.log"
    rows = (line(row, loss_at(row) if row < 28 else NAN) + "\n" for row in range(ROWS))
    path.write_text("".join(rows), encoding="utf-8")
    report = diagnose(str(path))
    assert report.verdict == "unhealthy"
    assert report.onset is not None
    assert str(NAN) in path.read_text(encoding="utf-8").split("\n")[(report.onset.line or 0) - 1]


TABLES: dict[str, list[dict[str, float]]] = {
    "cells of other rows": [
        row
        for step in range(ROWS)
        for row in (
            {"step": step, "train_loss": loss_at(step), "val_loss": NAN, "val_acc": NAN},
            *([{"step": step, "train_loss": NAN, "val_loss": 1.0, "val_acc": 0.5}] if step % 10 == 9 else []),
        )
    ],
    "evaluations between": [
        {"step": step, "train_loss": loss_at(step), "val_loss": loss_at(step) if step % 10 == 9 else NAN}
        for step in range(ROWS)
    ],
    "metrics": [{"step": step, "loss": loss_at(step), "precision": NAN, "kl": INF} for step in range(ROWS)],
}


@pytest.mark.parametrize("rows", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_a_table_with_harmless_nan_is_healthy(tmp_path: Path, name: str, rows: list[dict[str, float]]) -> None:
    path = tmp_path / name
    if name.endswith("csv"):
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = diagnose(str(path))
    assert report.verdict == "healthy"
    assert report.findings[0].rule == "harmless_nan"
