"""Tables as programs print them: what separates the cells, what stands around, and what is no table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_logs import Sample, samples_of
from nanlog import diagnose
from nanlog.model import MarkKind
from nanlog.testing._texts import Texts
from nanlog_parsers.table import PARSER

SAMPLES = samples_of("table")

ROWS = [(1, 0.5, 0.7), (2, math.nan, 0.6), (3, math.nan, math.inf)]
LOSS = [(1, "0.5"), (2, "nan"), (3, "nan")]
VAL = [(1, "0.7"), (2, "0.6"), (3, "inf")]


def points(text: str | bytes, size: int = 1 << 21) -> dict[str, list[tuple[int, str, int]]]:
    """Step, value and line of all points, by name."""
    content = text.encode() if isinstance(text, str) else text
    series: dict[str, list[tuple[int, str, int]]] = {}
    for block in PARSER.read(Texts("log", {"log": content}, size)):
        for code, step, value, line in zip(block.code, block.step, block.value, block.line, strict=True):
            series.setdefault(block.series[code].name, []).append((int(step), repr(float(value)), int(line)))
    return series


def read(text: str) -> dict[str, list[tuple[int, str]]]:
    return {name: [(step, value) for step, value, _ in found] for name, found in points(text).items()}


def unread(text: str) -> list[int]:
    return [each.line for block in PARSER.read(Texts("log", {"log": text.encode()})) for each in block.unread]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_first_bad_step_and_line_of_each_series(sample: Sample) -> None:
    bad: dict[str, tuple[int, int]] = {}
    for block in PARSER.read(Texts("log", {"log": sample.log.read_bytes()})):
        for code, step, value, line in zip(block.code, block.step, block.value, block.line, strict=True):
            if not math.isfinite(value):
                bad.setdefault(block.series[code].original, (int(step), int(line)))
    label: dict[str, Any] = sample.label
    assert {name: step for name, (step, _) in bad.items()} == label.get("onset_by_series", {})
    if label["onset_step"] is not None:
        assert bad[label["series"]] == (label["onset_step"], label["onset_line"])


def delimited(delimiter: str) -> str:
    return "\n".join([delimiter.join(["epoch", "loss", "val_loss"]), *(delimiter.join(map(str, row)) for row in ROWS)])


#: fastai pads every line to the width of its columns.
FASTAI = "".join(
    "".join(f"{cell:<12}" for cell in row.split()) + "\n"
    for row in (
        "epoch train_loss valid_loss accuracy time",
        "1 0.500000 0.700000 0.812 00:01",
        "2 nan 0.600000 #na# 00:01",
        "3 nan inf 0.098 00:01",
    )
)
RULED = """Training on cpu
  epoch    train_loss    valid_loss     dur
-------  ------------  ------------  ------
      1        0.5000        0.7000  0.0301
      2           nan        0.6000  0.0201
      3           nan           inf  0.0201
Stopped after 3 epochs
"""
BOXED = """+-------+------+----------+
| Epoch | Loss | Val Loss |
+-------+------+----------+
|   1   | 0.5  | 0.7      |
|   2   | nan  | 0.6      |
|   3   | nan  | inf      |
+-------+------+----------+
"""
MARKDOWN = "| epoch | loss | val loss |\n|---|:-:|--:|\n| 1 | 0.5 | 0.7 |\n| 2 | nan | 0.6 |\n| 3 | nan | inf |\n"
DRAWN = """\u250f\u2501\u2501\u2533\u2501\u2501\u2533\u2501\u2501\u2513
\u2503 step \u2503 loss \u2503 val_loss \u2503
\u2521\u2501\u2501\u2547\u2501\u2501\u2547\u2501\u2501\u2529
\u2502 1 \u2502 0.5 \u2502 0.7 \u2502
\u2502 2 \u2502 nan \u2502 0.6 \u2502
\u2502 3 \u2502 nan \u2502 inf \u2502
\u2514\u2500\u2500\u2534\u2500\u2500\u2534\u2500\u2500\u2518
"""
FRAME = "   epoch  loss  val_loss\n0      1   0.5       0.7\n1      2   NaN       0.6\n2      3   NaN       inf\n"
REPEATED = "epoch  loss  val_loss\n1  0.5  0.7\n2  nan  0.6\n\nepoch  loss  val_loss\n3  nan  inf\n"
COLOURED = "epoch | loss | val_loss\n\x1b[32m1 | 0.5 | 0.7\x1b[0m\n2 | \x1b[31mnan\x1b[0m | 0.6\n3 | nan | inf\n"
WIDE_NAMES = (
    "Epoch   Train Loss   Val Loss\n1       0.5          0.7\n2       nan          0.6\n3       nan          inf\n"
)

LAYOUTS = {
    "csv": delimited(","),
    "csv with blanks": delimited(", "),
    "tsv": delimited("\t"),
    "semicolons": delimited(";"),
    "bars": delimited(" | "),
    "fastai": FASTAI,
    "skorch": RULED,
    "boxed": BOXED,
    "markdown": MARKDOWN,
    "rich": DRAWN,
    "pandas": FRAME,
    "header repeated": REPEATED,
    "coloured": COLOURED,
    "names of two words": WIDE_NAMES,
    "numpy.savetxt": "# " + delimited(" "),
    "windows": delimited(",").replace("\n", "\r\n"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name: str) -> None:
    text = LAYOUTS[name]
    found = read(text)
    assert found["loss"] == LOSS
    assert found["val/loss"] == VAL
    assert unread(text) == []
    assert PARSER.score("log", text.encode()) >= 0.3


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_point_keeps_its_line(name: str) -> None:
    lines = LAYOUTS[name].split("\n")
    for step, value, line in points(LAYOUTS[name])["loss"]:
        assert str(step) in lines[line - 1]
        assert value in lines[line - 1].lower() or name == "pandas"


@pytest.mark.parametrize("name", LAYOUTS)
def test_small_pieces_give_the_same(name: str) -> None:
    assert points(LAYOUTS[name], size=1) == points(LAYOUTS[name])


def test_phases_in_a_column() -> None:
    text = "epoch,phase,loss\n1,train,0.5\n1,val,0.7\n2,train,nan\n2,val,0.6\n3,train,nan\n3,val,inf\n"
    found = read(text)
    assert (found["loss"], found["val/loss"]) == (LOSS, VAL)


def test_names_and_values_in_columns() -> None:
    text = "step,metric,value\n1,loss,0.5\n1,lr,0.1\n2,loss,nan\n2,lr,0.1\n3,loss,nan\n"
    found = read(text)
    assert found["loss"] == LOSS
    assert found["lr"] == [(1, "0.1"), (2, "0.1")]


def exported(runs: list[str], rows: list[list[str]]) -> str:
    """As Weights & Biases exports a chart."""
    names = [f"{run} - train/nll{which}" for run in runs for which in ("", "__MIN", "__MAX")]
    lines = [["Step", *names], *([row[0], *(cell for value in row[1:] for cell in [value] * 3)] for row in rows)]
    return "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines)


@pytest.mark.parametrize("count", [4, 4000])
def test_runs_that_weights_and_biases_exports(count: int) -> None:
    rows = [[str(10 * n), "NaN" if n > 2 else "0.5", "" if n > 1 else "0.25"] for n in range(count)]
    text = exported(["dry-oak-3", "wet-elm-12"], rows)
    assert PARSER.score("chart.csv", text.encode()[: 1 << 16]) >= 0.5
    found = read(text)
    assert found["loss"] == [(10 * n, "nan" if n > 2 else "0.5") for n in range(count)]
    # an empty cell says that the run ended, not that it was NaN
    assert found["loss/wet-elm-12"] == [(0, "0.25"), (10, "0.25")]
    assert {name for name in found if not name.startswith("metric/")} == {"loss", "loss/wet-elm-12"}


def test_the_step_of_an_export_is_that_of_its_first_column() -> None:
    text = exported(["dry-oak-3"], [["10", "0.5"], ["20", "0.25"]])
    counted = text.replace("dry-oak-3 - train/nll__MAX", "dry-oak-3 - train/global_step")
    assert read(counted)["loss"] == [(10, "0.5"), (20, "0.25")]


def test_a_table_without_a_loss_has_what_is_minimised() -> None:
    assert set(read("epoch,acc,train_mse,val_mse\n1,0.5,0.25,0.5\n2,0.5,nan,0.5\n")) == {
        *("metric/acc", "loss", "val/metric/mse")
    }


def test_a_column_without_a_name_counts() -> None:
    assert read(",loss,acc\n0,0.5,0.2\n1,0.4,0.2\n2,0.3,0.1\n")["loss"] == [(0, "0.5"), (1, "0.4"), (2, "0.3")]


def test_an_empty_cell_is_not_logged_but_a_loss_that_ends_was_nan() -> None:
    """pandas writes NaN as an empty cell."""
    sparse = "step,loss,val_loss\n" + "".join(f"{k},1.0,{'0.5' if k % 5 == 0 else ''}\n" for k in range(20))
    assert [step for step, _ in read(sparse)["val/loss"]] == [0, 5, 10, 15]
    ended = "step,loss,acc\n" + "".join(f"{k},{'1.0' if k < 10 else ''},0.5\n" for k in range(20))
    assert [step for step, value in read(ended)["loss"] if value == "nan"] == list(range(10, 20))
    (mark,) = [mark for block in PARSER.read(Texts("log", {"log": ended.encode()})) for mark in block.marks]
    assert (mark.kind, mark.step, mark.line) == (MarkKind.NOTE, 10, 12)


def test_a_loss_in_words_is_none() -> None:
    text = "step,loss,acc\n" + "".join(f"{k},{'bad' if k % 3 else k},0.5\n" for k in range(9))
    assert set(read(text)) == {"metric/acc"}


def test_names_that_belong_to_rows_of_another_kind() -> None:
    """A table in which each row logs one thing has gaps everywhere."""
    text = "step,loss,val_loss,lr\n" + "".join(f"{k},,,0.1\n{k},1.0,,\n" for k in range(20)) + "19,,0.5,\n"
    found = read(text)
    assert len(found["loss"]) == 20
    assert found["val/loss"] == [(19, "0.5")]


def test_a_file_of_the_evaluation_beside_one_of_the_training() -> None:
    files = {"run/train.csv": b"epoch,loss\n1,0.5\n2,0.4\n", "run/val.csv": b"epoch,loss\n1,0.7\n2,nan\n"}
    names = {block.file: {info.name for info in block.series} for block in PARSER.read(Texts("run", files))}
    assert names == {"run/train.csv": {"loss"}, "run/val.csv": {"val/loss"}}
    alone = {"run/test.csv": files["run/val.csv"]}
    assert [info.name for block in PARSER.read(Texts("run", alone)) for info in block.series] == ["loss"]


NO_TABLES = {
    "prose": "The loss went down.\nThen it went up.\nAfter 3 epochs we stopped.\n",
    "key and value": "step 1 loss 0.5 lr 0.1\nstep 2 loss 0.4 lr 0.1\nstep 3 loss 0.3 lr 0.1\n",
    "data": "sepal_length,sepal_width,species\n5.1,3.5,setosa\n4.9,3.0,setosa\n",
    "no header": "1,0.5,0.6\n2,0.4,0.5\n3,0.3,0.4\n",
    "header only": "epoch,loss,val_loss\n",
    "nothing": "",
    "layers": "  | Name | Type   | Params\n----------------\n0 | fc   | Linear | 650\n1 | out  | Linear | 330\n",
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_table_of_a_training(name: str) -> None:
    assert PARSER.score("log", NO_TABLES[name].encode()) == 0


@given(st.sampled_from(sorted(LAYOUTS)), st.binary(max_size=30), st.floats(0, 1))
def test_no_bytes_raise(name: str, odd: bytes, where: float) -> None:
    text = LAYOUTS[name].encode()
    at = int(where * len(text))
    points(text[:at] + odd + text[at:])


def test_steps_that_are_epochs_are_said_to_be_such(tmp_path: Path) -> None:
    rows = "".join(f"{epoch},{2 - epoch / 10}\n" for epoch in range(6))
    for name, header, unit in (("a.csv", "epoch,loss", "epoch"), ("b.csv", "step,loss", None)):
        (tmp_path / name).write_text(f"{header}\n{rows}", encoding="utf-8")
        fact = diagnose(str(tmp_path / name)).run.fact("step_unit")
        assert (fact.value if fact else None) == unit


DOWNLOAD = "Wall time,Step,Value\n" + "".join(
    f"1700000{step:03},{step},{2 - step / 100}\n" for step in range(0, 90, 10)
)


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("run-.-tag-train_loss.csv", "loss"),
        ("run-version_0-tag-lr-AdamW.csv", "lr"),
        ("run-logs_validation-tag-epoch_loss.csv", "val/loss"),
        ("run_train-tag-grad_norm.csv", "grad_norm"),
        ("loss.csv", "loss"),
    ],
)
def test_what_tensorboard_lets_download(tmp_path: Path, name: str, series: str) -> None:
    (tmp_path / name).write_text(DOWNLOAD, encoding="utf-8")
    run = diagnose(str(tmp_path / name)).run
    assert list(run.table) == [series]
    read = run.table[series]
    assert (read.step[-1], read.line[-1], read.value[0]) == (80, 10, 2.0)
    assert read.time is not None


def test_downloads_that_lie_together_are_one_run(tmp_path: Path) -> None:
    for name in ("run-a-tag-loss.csv", "run-a-tag-lr.csv"):
        (tmp_path / name).write_text(DOWNLOAD, encoding="utf-8")
    assert set(diagnose(str(tmp_path)).run.table) == {"loss", "lr"}
