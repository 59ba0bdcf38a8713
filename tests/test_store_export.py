"""The points of a run as CSV and as Parquet: nothing is lost, and what is not a number stays apart."""

from __future__ import annotations

import csv
import io
import math
import struct
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelled_logs import Sample, report_of
from nanlog.errors import StoreError
from nanlog.model import Run, Series, SeriesInfo
from nanlog.store import save
from nanlog.store.export import WRITERS, series_sizes, stored_points
from nanlog.store.tables import points_tables
from tiny_dialect import run_of, write


def exported(root: Path, run_id: str, form: str, names: Collection[str] | None = None) -> io.BytesIO:
    out = io.BytesIO()
    rows = WRITERS[form](stored_points(root, run_id, series_sizes(root, run_id) if names is None else names), out)
    assert rows == sum(size for name, size in series_sizes(root, run_id).items() if names is None or name in names)
    return io.BytesIO(out.getvalue())


def rows_of_csv(text: io.BytesIO) -> list[dict[str, str]]:
    return list(csv.DictReader(io.TextIOWrapper(text, "utf-8", newline="")))


def one_series(values: list[float], name: str = "loss") -> Run:
    zeros = np.zeros(len(values), np.int64)
    step = np.arange(len(values), dtype=np.int64) - 1
    return Run(
        "log", "tiny", ("log",), {name: Series(SeriesInfo(name, name), step, np.array(values), zeros, zeros, zeros)}
    )


def test_what_is_not_a_number_stays_apart(tmp_path: Path) -> None:
    log = write(
        tmp_path / "log", "loss 0 2.5", "loss 10 nan @7", "lr - 0.1", "loss - -inf", "loss 20 inf", "loss 30 -0.0"
    )
    stored = save(run_of(log), None, tmp_path / "store")
    rows = rows_of_csv(exported(tmp_path / "store", stored.run_id, "csv"))
    assert [row["value"] for row in rows] == ["2.5", "nan", "-inf", "inf", "-0", "0.1"]
    assert [row["step"] for row in rows] == ["0", "10", "", "20", "30", ""]
    assert [row["time"] for row in rows] == ["", "7", "", "", "", ""]
    assert list(rows[0]) == ["series", "step", "value", "line", "attempt", "file", "time"]


def test_real_runs_lose_nothing(sample: Sample, tmp_path: Path) -> None:
    run = report_of(sample).run
    stored = save(run, None, tmp_path)
    held = pd.read_parquet(stored.path / "points")
    again = pq.read_table(exported(tmp_path, stored.run_id, "parquet")).to_pandas()
    pd.testing.assert_frame_equal(again, held, check_categorical=False)
    text = exported(tmp_path, stored.run_id, "csv")
    frame = pd.read_csv(text, dtype={"time": float})
    for column in ("series", "file"):
        assert frame[column].tolist() == held[column].astype(str).tolist()
    for column in ("step", "value", "line", "attempt", "time"):
        np.testing.assert_allclose(frame[column].astype(float), held[column].astype(float), rtol=1e-15)
    unstored = io.BytesIO()
    WRITERS["csv"](points_tables(run), unstored)
    assert unstored.getvalue() == text.getvalue()


@settings(max_examples=30)
@given(bits=st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=50))
def test_every_float_is_read_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, bits: list[bytes]) -> None:
    values = [struct.unpack("<d", eight)[0] for eight in bits]
    root = tmp_path_factory.mktemp("store")
    stored = save(one_series(values), None, root)
    back = [float(row["value"]) for row in rows_of_csv(exported(root, stored.run_id, "csv"))]
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(values, back, strict=True))
    assert [math.copysign(1, v) for v in values if v == 0] == [math.copysign(1, v) for v in back if v == 0]


@pytest.mark.parametrize("name", ['a"b,c\nd', "\x1b[2J", "=1+1", "ü\u202e", "\udcff", "x" * 100_000])
def test_names_are_quoted_and_cannot_steer_a_terminal(tmp_path: Path, name: str) -> None:
    stored = save(one_series([1.0, 2.0], name), None, tmp_path)
    text = exported(tmp_path, stored.run_id, "csv")
    rows = rows_of_csv(text)
    assert len(rows) == 2
    assert all(char.isprintable() for char in rows[0]["series"])
    if name.isprintable():
        assert rows[0]["series"] == name


def test_some_series_only(tmp_path: Path) -> None:
    """Each lies between others; parts are cut where they begin and end."""
    table: dict[str, Series] = {}
    for k in range(6):
        table |= one_series([float(k)] * 50_000, f"s{k}").table
    stored = save(Run("log", "tiny", ("log",), table), None, tmp_path)
    for names in (set(), {"s0"}, {"s1", "s2", "s4"}, {"s5"}, set(table)):
        frame = pq.read_table(exported(tmp_path, stored.run_id, "parquet", names)).to_pandas()
        assert frame.groupby("series", observed=True)["value"].agg(["min", "max", "size"]).to_dict("index") == {
            name: {"min": float(name[1]), "max": float(name[1]), "size": 50_000} for name in names
        }


def test_a_run_without_points_is_a_header(tmp_path: Path) -> None:
    stored = save(Run("log", "tiny", ("log",), {}), None, tmp_path)
    assert exported(tmp_path, stored.run_id, "csv").read().count(b"\n") == 1
    assert pq.read_table(exported(tmp_path, stored.run_id, "parquet")).num_rows == 0


def test_a_run_is_read_on_as_it_was_when_it_is_replaced(tmp_path: Path) -> None:
    log = write(tmp_path / "log", *(f"loss {step} 1" for step in range(300)))
    stored = save(run_of(log), None, tmp_path / "store")
    parts = stored_points(tmp_path / "store", stored.run_id, {"loss"})
    next(parts)
    write(log, "loss 0 1")
    save(run_of(log), None, tmp_path / "store")
    assert sum(len(part) for part in parts) == 300


@pytest.mark.parametrize("table", ["points", "series"])
@pytest.mark.parametrize("damage", ["cut", "spoilt", "gone"])
def test_a_damaged_run_is_said_to_be_one(tmp_path: Path, table: str, damage: str) -> None:
    log = write(tmp_path / "log", *(f"loss {step} 1.{step}" for step in range(3000)))
    stored = save(run_of(log), None, tmp_path / "store")
    path = stored.path / table / "part-0.parquet"
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[:-10])
    elif damage == "spoilt":
        path.write_bytes(content[:4] + b"\xff" * (len(content) // 2) + content[4 + len(content) // 2 :])
    with pytest.raises(StoreError, match=r"cannot be read: .*; diagnose its log again"):
        list(stored_points(tmp_path / "store", stored.run_id, set(series_sizes(tmp_path / "store", stored.run_id))))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
def test_memory_does_not_grow_with_the_run(tmp_path: Path) -> None:
    """Five million points are 280 MB as columns."""
    script = f"""
import sys
from pathlib import Path
import numpy as np
from nanlog.model import Run, Series, SeriesInfo
from nanlog.store import save
from nanlog.store.export import WRITERS, stored_points
root = Path({str(tmp_path)!r})
if sys.argv[1] == "write":
    n = 5_000_000
    zeros = np.zeros(n, np.int64)
    series = Series(SeriesInfo("loss", "loss"), np.arange(n), np.arange(n) * 0.5, zeros, zeros, zeros)
    print(save(Run("log", "tiny", ("log",), {{"loss": series}}), None, root).run_id)
else:
    with open(root / "out", "wb") as out:
        print(WRITERS[sys.argv[3]](stored_points(root, sys.argv[2], {{"loss"}}), out))
    # what getrusage tells is not less than the parent had
    print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""

    def done(*arguments: str) -> list[str]:
        command = [sys.executable, "-c", script, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    (run_id,) = done("write")
    for form in ("csv", "parquet"):
        rows, kilobytes = map(int, done("read", run_id, form))
        assert rows == 5_000_000
        assert kilobytes < 300_000
