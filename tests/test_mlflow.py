"""The file store of MLflow: one file for each metric and each parameter."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog.model import NO_STEP, Block
from nanlog.registry import choose
from nanlog.testing._texts import Texts
from nanlog_parsers.mlflow import PARSER

RUN = "mlruns/0/5f8d"
LOSSES = [2.3, 1.9, math.nan, math.inf, -math.inf]
FILES = {
    f"{RUN}/metrics/train_loss": "".join(f"{1690000000000 + 500 * n} {v} {10 * n}\n" for n, v in enumerate(LOSSES)),
    f"{RUN}/metrics/val/loss": "1690000001000 2.1 20\n1690000002000 nan 40\n",
    f"{RUN}/metrics/system/cpu_utilization_percentage": "1690000001000 12.5 0\n",
    f"{RUN}/params/optimizer.lr": "1e-3",
    f"{RUN}/params/amp": "True",
    f"{RUN}/params/name": "resnet 50",
}


def texts(files: dict[str, str], size: int = 1 << 21) -> Texts:
    return Texts(RUN, {file: text.encode() for file, text in files.items()}, size)


def points(blocks: list[Block]) -> dict[str, list[tuple[int, str, int]]]:
    series: dict[str, list[tuple[int, str, int]]] = {}
    for block in blocks:
        for code, step, value, line in zip(block.code, block.step, block.value, block.line, strict=True):
            series.setdefault(block.series[code].name, []).append((int(step), repr(float(value)), int(line)))
    return series


def read(file: str, text: str) -> list[Block]:
    return list(PARSER.read(texts({f"{RUN}/{file}": text})))


@pytest.mark.parametrize("size", [1, 1 << 21])
def test_a_run(size: int) -> None:
    found = list(PARSER.read(texts(FILES, size)))
    assert points(found) == {
        "loss": [(0, "2.3", 1), (10, "1.9", 2), (20, "nan", 3), (30, "inf", 4), (40, "-inf", 5)],
        "val/loss": [(20, "2.1", 1), (40, "nan", 2)],
        "metric/system/cpu_utilization_percentage": [(0, "12.5", 1)],
    }
    facts = {fact.key: fact.value for block in found for fact in block.facts}
    assert facts == {"hparams.optimizer.lr": 1e-3, "hparams.amp": True, "hparams.name": "resnet 50"}
    times = [time for block in found if block.time is not None for time in block.time.tolist()]
    assert times[:2] == [1690000000.0, 1690000000.5]


def test_the_whole_folder_is_recognised() -> None:
    chosen = choose(texts(FILES))
    assert (chosen.parser.name, chosen.score, chosen.left_out) == ("mlflow", 0.8, ())
    assert [reading.files for reading in chosen.readings] == [tuple(FILES)]


@pytest.mark.parametrize(
    ("file", "head"),
    [
        ("metrics/train_loss", "step value\n1 0.5\n"),
        ("metrics/train_loss", "0.5 10\n"),
        ("metrics.txt", "1690000000000 0.5 10\n"),
        ("params/run.log", "epoch 1\nloss 0.5\n"),
        ("tags/mlflow.user", "somebody"),
        ("metrics", "1690000000000 0.5 10\n"),
    ],
)
def test_what_is_no_file_of_mlflow(file: str, head: str) -> None:
    assert PARSER.score(file, head.encode()) == 0.0


def test_the_oldest_versions_wrote_no_step_and_seconds() -> None:
    (block,) = read("metrics/loss", "1530000000 0.5\n1530000001 nan\n")
    assert block.step.tolist() == [NO_STEP, NO_STEP]
    assert block.time is not None
    assert block.time.tolist() == [1530000000.0, 1530000001.0]


def test_the_newest_versions_add_the_data_and_the_model() -> None:
    (block,) = read("metrics/loss", "1690000000000 0.5 10 train 5fa1 m-7\n")
    assert points([block]) == {"loss": [(10, "0.5", 1)]}


def test_a_metric_stands_in_for_a_loss() -> None:
    assert set(points(read("metrics/rmse", "1690000000000 0.5 10\n"))) == {"loss"}


def test_a_broken_line_is_unread_and_a_cut_one_is_not() -> None:
    (block,) = read("metrics/loss", "1690000000000 0.5 1\n1690000000000 abc 2\n16900000")
    assert [each.line for each in block.unread] == [2]


@given(st.sampled_from(sorted(FILES)), st.binary(max_size=200))
def test_no_bytes_raise(file: str, text: bytes) -> None:
    PARSER.score(file, text)
    for block in PARSER.read(Texts(RUN, {file: FILES[file].encode() + text})):
        assert len(block.step) == len(block.value)
