"""Files of CSVLogger."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelled_logs import ROOT
from nanlog.model import Run
from nanlog.pipeline import diagnose
from nanlog_parsers.keras import PARSER

PLAIN = """epoch,accuracy,loss,val_accuracy,val_loss
0,0.31,2.11,0.59,1.80
1,0.66,1.57,0.73,1.32
2,0.79,nan,0.87,inf
"""


def read(folder: Path, **files: str) -> Run:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    only = next(iter(files)).replace("_", ".")
    return diagnose(str(folder / only) if len(files) == 1 else str(folder)).run


def points(run: Run, name: str) -> list[tuple[int, float, int]]:
    series = run.table[name]
    return list(zip(series.step.tolist(), series.value.tolist(), series.line.tolist(), strict=True))


def test_epochs_count_from_0_and_values_are_means(tmp_path: Path) -> None:
    run = read(tmp_path, history_csv=PLAIN)
    assert points(run, "loss")[:2] == [(0, 2.11, 2), (1, 1.57, 3)]
    assert np.isnan(points(run, "loss")[2][1])
    assert points(run, "val/loss")[2] == (2, float("inf"), 4)
    assert run.table["loss"].info.smoothed
    assert not run.table["val/loss"].info.smoothed
    fact = run.fact("framework")
    assert fact is not None
    assert fact.value == "keras"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators(tmp_path: Path, separator: str) -> None:
    run = read(tmp_path, history_csv=PLAIN.replace(",", separator))
    assert [value for _, value, _ in points(run, "val/loss")] == [1.8, 1.32, float("inf")]


def test_what_was_not_measured_is_no_point(tmp_path: Path) -> None:
    run = read(tmp_path, history_csv="epoch,loss,val_loss\n0,1.5,1.6\n1,1.4,NA\n2,1.3,NA\n")
    assert points(run, "val/loss") == [(0, 1.6, 2)]
    assert len(points(run, "loss")) == 3


def test_a_file_that_was_appended_to(tmp_path: Path) -> None:
    run = read(tmp_path, history_csv="epoch,loss,lr\n0,1.5,0.1\n1,1.4,0.1\n2,1.3,0.1\n1,1.2,0.01\n2,nan,0.01\n")
    assert len(run.attempts) == 2
    assert [step for step, _, _ in points(run, "loss")] == [0, 1, 2, 1, 2]


def test_beside_a_log_epochs_become_batches(tmp_path: Path) -> None:
    log = "".join(f"Epoch {e}/3\n20/20 - 1s - 9ms/step - accuracy: 0.5000 - loss: 1.{e}000\n" for e in (1, 2, 3))
    run = read(tmp_path, history_csv=PLAIN, train_log=log)
    assert [step for step, _, _ in points(run, "val/loss")] == [20, 40, 60]
    assert [step for step, _, _ in points(run, "loss")] == [20, 40, 60]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        "epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n0,0.3,0.05,2.0,0.6,1.7\n",
        "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.3,2.0,NA,NA\n",
        "epoch,loss\n0,2.0\n1,1.5\n",
    ],
)
def test_is_recognised(text: str) -> None:
    assert PARSER.score("history.csv", text.encode()) >= 0.7


@pytest.mark.parametrize(
    "text",
    [
        "epoch,train_loss,valid_loss,accuracy\n0,0.3,2.0,0.5\n",  # fastai
        "epoch,step,train_loss\n0,9,0.3\n",
        "                  epoch,      train/box_loss,      train/cls_loss\n   1,    1.2,    2.3\n",
        "loss,epoch\n1,2\n",
        "epoch,city,country\n1,2,3\n",
        "epoch loss\n",
        "",
    ],
)
def test_other_tables_are_left_to_others(text: str) -> None:
    assert PARSER.score("table.csv", text.encode()) == 0.0


def test_the_sample_goes_bad_where_its_label_says() -> None:
    report = diagnose(str(ROOT / "sample_logs/keras/lr_too_high_csv/history.csv"))
    assert report.onset is not None
    assert (report.onset.series, report.onset.step, report.onset.line) == ("loss", 6, 8)
